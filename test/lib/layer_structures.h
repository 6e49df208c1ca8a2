/*
 * layer_structures.h
 *	  Structures with every layer that there is, as layer_text.h has them: what
 *	  test_layers.c checks.  Those with "p" or "q" want joined tables or arrays.
 */
#ifndef CER_TEST_LAYER_STRUCTURES_H
#define CER_TEST_LAYER_STRUCTURES_H

#define RELU   "(activation function=relu)"
#define GELU   "(activation function=gelu)"
#define DENSE  "(dense width=12)(activation function=tanh)"
#define TOKENS "(tokens width=8)"
#define SERIES "(series width=8)"
#define CLS    "(tokens width=8 cls)"
#define HEAD   "(pool pool=first)(norm norm=layer)(activation function=tanh)"
#define ATTEND "(attention count=2)"
#define FEED \
	"(norm norm=layer)(dense width=20)(glu function=relu)(dense width=8)"

static const char *const structures[] = {
	"(chain " DENSE
	"(norm norm=layer)(dense width=7)(activation function=gelu))",
	"(chain " DENSE
	"(norm norm=batch)(dense width=7)(activation function=gelu))",
	"(chain (norm norm=batch)" DENSE ")",
	"(chain " DENSE "(skip (norm norm=batch)(dense width=9)(activation "
	"function=gelu)(dropout dropout=0.3)(dense width=12))" GELU ")",
	"(chain (concat (chain " DENSE ")(dense width=5)(features)))",
	"(chain (sum (dense width=6)(chain " DENSE "(dense width=6)))(activation "
	"function=tanh))",
	"(sum (wide)(chain " DENSE "(output)))",
	"(chain (scale)" DENSE "(scale)(dense width=4)(scale))",
	"(chain " DENSE "(concat (chain (cross dropout=0.2)(cross)(cross))(chain "
	"(dense width=9)(activation function=silu))))",
	"(chain " DENSE "(cross rank=3)(cross rank=5))",
	"(chain (cross)(activation function=sigmoid))",
	"(chain (concat (wide)(chain " TOKENS "(fm))(chain " DENSE ")))",
	"(chain " TOKENS "(flatten)" DENSE ")",
	"(chain " TOKENS ATTEND "(pool pool=mean))",
	"(chain " TOKENS "(attention count=4 dropout=0.3)(pool pool=attention))",
	/* heads of one and a half vectors; only the first token asks */
	"(chain (tokens width=24)(attention count=1 dropout=0.3)(pool pool=max))",
	"(chain (tokens width=24 cls)(skip (norm norm=layer)(attention count=1 "
	"dropout=0.3))(pool pool=first))",
	"(chain (tokens width=8)(attention count=2)(pool pool=first))",
	"(chain " TOKENS "(dense width=6)(pool pool=max))",
	"(chain " CLS "(skip " ATTEND ")(skip " FEED
	")(skip (norm norm=layer)" ATTEND ")(skip " FEED ")" HEAD ")",
	"(chain " TOKENS "(conv1d width=5 count=3)" GELU
	"(dropout dropout=0.2)(conv1d width=4 count=2)(pool pool=mean))",
	"(chain " CLS "(conv1d width=5 count=9)(norm norm=batch)(flatten))",
	"(chain (concat " TOKENS TOKENS ")(conv2d width=5 count=3 rows=2)" GELU
	"(conv2d width=4 count=2 rows=2)(pool pool=attention))",
	"(chain " TOKENS "(gru width=6)(dropout dropout=0.1)(gru width=5)(pool "
	"pool=last))",
	"(chain " TOKENS "(lstm width=6)(skip (lstm width=6))(pool pool=mean))",
	"(chain (by_table joining=concat (chain " DENSE "))(dense width=6))",
	"(chain (by_table joining=sum (chain " DENSE ")))",
	"(chain (concat (dense width=4)(of_table table=p (chain " DENSE "))"
	"(of_table table=p (dense width=3)))" GELU "(dense width=6))",
	"(chain (by_table joining=sum (chain " TOKENS ATTEND "(pool pool=mean))))",
	"(chain (by_table joining=gate (chain (dense width=5)" GELU ")))",
	"(chain (ensemble count=2 (by_table joining=concat (dense width=5)))" GELU
	")",
	"(chain " DENSE "(norm norm=batch)(dense width=6)(neighbours))",
	"(chain (neighbours count=70))",
	"(chain (concat (features)(chain " SERIES "(conv1d width=5 count=3)" GELU
	"(conv1d width=4 count=2)(pool pool=max))))",
	"(chain " SERIES "(gru width=5)(lstm width=4)(pool pool=last))",
	"(chain " SERIES "(position)(skip " ATTEND ")(pool pool=mean))",
	"(chain " SERIES "(attention count=2 dropout=0.3)(pool pool=attention))",
	"(chain " SERIES "(concat (chain (flatten))(pool pool=first)(fm)))",
	"(chain " SERIES "(conv2d width=5 count=3 rows=1)(flatten))",
	"(chain (concat (features)(pool_rows table=p pool=mean (chain (dense "
	"width=6)" GELU ")))(dense width=5))",
	"(chain (pool_rows table=p pool=attention (chain (dense width=6)" GELU
	"(position))))",
	"(chain " TOKENS "(position)" ATTEND "(pool pool=last))",
	"(chain " CLS "(skip (norm norm=batch)" ATTEND ")(pool pool=first))",
	"(chain (concat " TOKENS "(chain " CLS "(dense width=8)))(pool pool=mean))",
	"(chain (ensemble count=4 shared (dense width=12)" GELU
	"(dropout dropout=0.2)(dense width=6)" GELU "))",
	"(chain (ensemble count=3 (dense width=12)" GELU "(dense width=6)" GELU
	"))",
	"(chain (ensemble count=2 " TOKENS ATTEND "(pool pool=mean)))",
	"(chain (ensemble count=3 " DENSE "(cross)(dense width=5))" GELU ")",
	"(ensemble count=2 (sum (wide)(chain " DENSE "(output))))",
	"(chain (ensemble count=2 " SERIES "(gru width=5)(pool pool=last))(norm "
	"norm=batch)(dense width=6))",
	"(chain (ensemble count=3 shared (scale))(dense width=9)" GELU ")",
	"(ensemble count=2 (chain (ensemble count=3 shared (dense width=6)" GELU
	"(dense width=5)" GELU ")))",
	"(chain (ensemble count=2 (chain (ensemble count=3 (scale))(dense width=9)"
	"(norm norm=batch)" GELU ")))",
	"(chain (ensemble count=2 (ensemble count=2 " TOKENS "(gru width=4)"
	"(pool pool=last))(dense width=3)))",
	"(ensemble count=2 (chain " DENSE "(norm norm=batch)(dense width=6)"
	"(neighbours)))",
	"(ensemble count=3 (chain (neighbours count=20)))",
	"(chain (scale)(ensemble count=3 (norm norm=batch)(dense width=9)(norm "
	"norm=batch)(norm norm=layer)(activation function=selu learnt)))",
	"(chain (concat (features)(dense width=4))(ensemble count=2 (dense "
	"width=5)))",
	"(chain (gate count=2)(norm norm=layer))",
	"(chain " DENSE "(gate count=1 dropout=0.2))",
	"(chain (scale)(dense width=12 initial=ntk)(activation function=selu "
	"learnt)(dropout dropout=0.1)(dense width=8 initial=ntk)(activation "
	"function=mish learnt))",
	"(chain (dense width=12 initial=lecun)(activation function=elu)(dropout "
	"dropout=0.2 alpha)(dense width=8 initial=lecun no_bias)(activation "
	"function=elu)(dropout alpha dropout=0.2))",
	"(chain " DENSE "(glu function=sigmoid)(dropout dropout=0.2)(dense width=5 "
	"no_bias))",
	"(chain " DENSE
	"(dropout dropout=0.1)(activation function=relu)(activation "
	"function=tanh)(skip (activation function=gelu)))",
	/* dense layers right over first layers and tokens */
	"(chain (dense width=12)(concat (chain (cross dropout=0.2)(cross))(dense "
	"width=9)(chain (dense width=70)" GELU ")))",
	"(chain " TOKENS "(concat (dense width=70)(dense width=70))(pool "
	"pool=mean))",
	"(chain " CLS "(skip " ATTEND ")(pool pool=mean))",
	/* with lifts: */
	"(chain " DENSE GELU ")",
	"(chain (scale)" DENSE ")",
	"(sum (wide)(chain " DENSE "(output)))",
	"(chain (concat (features)(dense width=5))(norm norm=layer))",
	"(chain (ensemble count=3 shared (dense width=9)" GELU "))",
	"(chain (by_table joining=concat (chain " DENSE "))(dense width=6))",
	"(chain " CLS "(skip " ATTEND ")(skip " FEED ")" HEAD ")",
	"(sum (wide)(chain (tokens width=5)(concat (fm)(chain (flatten)" DENSE
	"))(output)))",
	"(chain (by_table joining=gate (chain " TOKENS "(pool pool=mean))))",
	"(chain (concat " TOKENS TOKENS ")(pool pool=attention))",
	"(chain (ensemble count=2 " TOKENS "(pool pool=mean)))",
};

#define N_STRUCTURES (sizeof(structures) / sizeof(structures[0]))
#define N_LIFTED     11
#define N_OVER       3 /* before them */

#endif
