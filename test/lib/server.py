"""A PostgreSQL server of one's own with the extension at hand: for property tests and measurements."""

import atexit
import os
import pathlib
import shutil
import subprocess
import tempfile

import psycopg

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PG_BIN = pathlib.Path(subprocess.check_output(
    [os.environ.get("PG_CONFIG", "/usr/lib/postgresql/15/bin/pg_config"), "--bindir"], text=True).strip())

# Settings that anybody would give a server of this size; durability is on.
CONF = """
listen_addresses = ''
shared_buffers = 1GB
work_mem = 64MB
max_wal_size = 4GB
"""


class Server:
    """A new cluster below /tmp, run as user postgres where we are root; gone at exit."""

    def __init__(self, folders=()):
        """Copies of the folders, which user postgres may not reach where they are, lie in self.home."""
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="cerebro-bench.", dir="/tmp"))
        atexit.register(self.remove)
        shutil.copytree(ROOT / "build/stage", self.home / "stage")
        for folder in folders:
            shutil.copytree(folder, self.home / pathlib.Path(folder).name)
        self.home.chmod(0o755)
        if os.getuid() == 0:
            subprocess.check_call(["chown", "-R", "postgres", self.home])
        self.data = self.home / "data"
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--locale=C.UTF-8", "-E", "UTF8")
        lib = subprocess.check_output([PG_BIN / "pg_config", "--pkglibdir"], text=True).strip()
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write(CONF + f"unix_socket_directories = '{self.home}'\n"
                       f"extension_destdir = '{self.home}/stage'\n"
                       f"dynamic_library_path = '{self.home}/stage{lib}:$libdir'\n")
        self.run("pg_ctl", "-D", self.data, "-l", self.home / "server.log", "-w", "start")

    def run(self, program, *args):
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        subprocess.run([*as_postgres, PG_BIN / program, *map(str, args)], check=True, cwd=self.home,
                       stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    def remove(self):
        if (self.data / "postmaster.pid").exists():
            self.run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")
        shutil.rmtree(self.home, ignore_errors=True)

    def conninfo(self, dbname="postgres"):
        return f"host={self.home} user=postgres dbname={dbname}"

    def connect(self, dbname="postgres"):
        return psycopg.connect(self.conninfo(dbname), autocommit=True)
