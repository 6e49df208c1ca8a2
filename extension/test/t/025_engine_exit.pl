# The engine by itself, over a socketpair: it leaves with status 0 whenever the
# socket closes or its parent is gone, also when it is an orphan; and answers
# what is no frame with an error.
use strict;
use warnings;

use IO::Handle;
use POSIX qw(:sys_wait_h dup2 _exit uname);
use Socket;
use Test::More;
use Time::HiRes qw(sleep time);

my $lib = `$ENV{PG_CONFIG} --pkglibdir`;
chomp $lib;
my ($engine) = grep { -x } ("$ENV{SANDBOX}/stage$lib/cerebro_engine", "$lib/cerebro_engine");
ok($engine, 'there is an engine') or BAIL_OUT('no engine program');

# The engine as a child: its process and our end of the socket.
sub start_engine
{
	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die;
	my $pid = fork() // die;
	if ($pid == 0)
	{
		close $ours;
		POSIX::close(3) if fileno($theirs) != 3;
		dup2(fileno($theirs), 3) if fileno($theirs) != 3;
		$^F = 3;
		fcntl($theirs, 2, 0);    # F_SETFD: stays open over exec
		exec { $engine } 'cerebro_engine' or _exit(99);
	}
	close $theirs;
	return ($pid, $ours);
}

# Wait status within five seconds, or undef.
sub status_of
{
	my ($pid) = @_;
	my $end = time + 5;
	while (time < $end)
	{
		return $? if waitpid($pid, WNOHANG) == $pid;
		sleep 0.01;
	}
	return undef;
}

my ($pid, $socket) = start_engine();
sleep 0.1;
is(waitpid($pid, WNOHANG), 0, 'it waits for its server');
close $socket;
is(status_of($pid), 0, 'the socket closes: status 0');

($pid, $socket) = start_engine();
sleep 0.1;
kill 'TERM', $pid;
is(status_of($pid), 0, 'told to leave: status 0');

($pid, $socket) = start_engine();
$socket->autoflush(1);
print $socket 'x' x 64;
sysread($socket, my $frame, 4096);
is(unpack('L', $frame), 0x46524543, 'garbage is answered with a frame');
is(unpack('x6S', $frame), 70, 'which is an error');
my $version = unpack('x4S', $frame);
like($frame, qr/bad frame: not one of ours/, 'with a message');
is(waitpid($pid, WNOHANG), 0, 'it stays until it was heard');
close $socket;
is(status_of($pid), 0, 'and leaves with status 0');

# A frame that asks for more than anything may.
($pid, $socket) = start_engine();
$socket->autoflush(1);
print $socket pack('LSSQ', 0x46524543, $version, 1, 1 << 40);
sysread($socket, $frame, 4096);
like($frame, qr/a frame of 1099511627776 bytes/, 'a size is not believed');
close $socket;
is(status_of($pid), 0, 'status 0 after that, too');

# An orphan, reaped by us as PID 1 of a container would.
my %prctl = (x86_64 => 157, aarch64 => 167);
my $machine = (uname())[4];
SKIP:
{
	skip "no number of prctl for $machine", 2 unless $prctl{$machine};
	syscall($prctl{$machine}, 36, 1, 0, 0, 0) == 0 or skip 'no subreaper', 2;
	pipe(my $from, my $to);
	my $parent = fork() // die;
	if ($parent == 0)
	{
		my ($orphan, $end) = start_engine();
		syswrite($to, "$orphan\n");
		sleep 60;
		_exit(1);
	}
	my $orphan = readline($from);
	chomp $orphan;
	sleep 0.1;
	kill 'KILL', $parent;
	is(status_of($parent) & 127, 9, 'its parent is killed');
	is(status_of($orphan), 0, 'the orphan leaves with status 0');
}

done_testing();
