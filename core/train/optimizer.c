/*
 * train/optimizer.c
 *	  What moves weights along gradients.
 *
 * sgd:		m = momentum m + g; w -= lr m
 * adam:	g += decay w, then m = beta1 m + (1 - beta1) g,
 *			v = beta2 v + (1 - beta2) g^2,
 *			w -= lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + epsilon)
 *			(Kingma, Ba 2015)
 * adamw:	w *= 1 - lr decay instead of decay in g (Loshchilov, Hutter 2019)
 * nadam:	as adam, with beta1 (1 - 0.96^(t d) / 2) as the momentum u of step t
 *			and U the product of all: what moves w is (1 - u) / (1 - U) g and
 *			u' / (1 - U u') m, u' of the step to come (Dozat 2016)
 * muon:	hidden matrices as muon.c has it, all others as adamw
 *
 * Without clipping a block of weights moves as soon as its gradient is there.
 * Clipping needs the norm of all gradients, muon those of whole matrices: then
 * nothing moves before the end of the step.
 */
#include "train/optimizer.h"
#include "base/denormals.h"
#include "base/error.h"
#include "train/muon.h"
#include "train/schedule.h"

#include <math.h>
#include <string.h>

/* The step of the weights at offset. */
static inline cer_step
get_step(const cer_optimizer_state *o, size_t offset)
{
	cer_step step = o->step;

	if (o->rates == NULL)
		return step;
	step.lr *= o->rates[offset / CER_TENSOR_FLOATS];
	step.shrink =
		1.0f - (1.0f - step.shrink) * o->rates[offset / CER_TENSOR_FLOATS];
	return step;
}

static void
step_sgd(void *self, size_t offset, size_t n)
{
	const cer_optimizer_state *o = self;
	cer_step step = get_step(o, offset);

	o->kernels->sgd(n, &step, o->weights + offset, o->grads + offset,
	                o->m + offset);
}

static void
step_adam(void *self, size_t offset, size_t n)
{
	const cer_optimizer_state *o = self;
	cer_moments moments = {o->m + offset, o->v + offset};
	cer_step step = get_step(o, offset);

	o->kernels->adam(n, &step, o->weights + offset, o->grads + offset,
	                 &moments);
}

static void
begin_sgd(cer_optimizer_state *o)
{
	o->step = (cer_step){
		.lr = (float) o->lr,
		.l2 = (float) o->decay,
		.beta1 = (float) o->settings->momentum,
	};
}

static void
begin_adam(cer_optimizer_state *o)
{
	const cer_settings *s = o->settings;
	double t = (double) (o->n_steps + o->n_before);

	o->step = (cer_step){
		.lr = (float) (o->lr / (1.0 - pow(s->beta1, t))),
		.shrink = 1.0f,
		.l2 = (float) o->decay,
		.beta1 = (float) s->beta1,
		.beta2 = (float) s->beta2,
		.root = (float) (1.0 / sqrt(1.0 - pow(s->beta2, t))),
		.epsilon = (float) s->epsilon,
	};
}

static void
begin_adamw(cer_optimizer_state *o)
{
	begin_adam(o);
	o->step.l2 = 0.0f;
	o->step.shrink = (float) (1.0 - o->lr * o->decay);
}

static void
begin_muon(cer_optimizer_state *o)
{
	begin_adamw(o);
	cer_muon_begin(o->muon, (float) o->lr, (float) o->settings->momentum,
	               (float) o->decay);
}

static double
get_momentum(const cer_settings *s, double t)
{
	return s->beta1 * (1.0 - 0.5 * pow(0.96, t * s->momentum_decay));
}

static void
begin_nadam(cer_optimizer_state *o)
{
	uint64_t n_steps = o->n_steps + o->n_before;

	begin_adam(o);
	if (o->n_momenta == 0 || o->n_momenta > n_steps)
	{
		o->momentum = 1.0;
		o->n_momenta = 0;
	}
	while (o->n_momenta < n_steps)
		o->momentum *= get_momentum(o->settings, (double) ++o->n_momenta);
}

static void
step_nadam(void *self, size_t offset, size_t n)
{
	const cer_optimizer_state *o = self;
	cer_step step = get_step(o, offset);
	double t = (double) (o->n_steps + o->n_before);
	double now = get_momentum(o->settings, t);
	double next = get_momentum(o->settings, t + 1.0);
	double rate = o->rates
	                  ? o->lr * (double) o->rates[offset / CER_TENSOR_FLOATS]
	                  : o->lr;
	float of_g = (float) (rate * (1.0 - now) / (1.0 - o->momentum));
	float of_m = (float) (rate * next / (1.0 - o->momentum * next));
	float *w = o->weights + offset;
	float *m = o->m + offset;
	float *v = o->v + offset;

	for (size_t i = 0; i < n; i++)
	{
		float g = o->grads[offset + i] + step.l2 * w[i];
		float root;

		m[i] += (1.0f - step.beta1) * (g - m[i]);
		v[i] = step.beta2 * v[i] + (1.0f - step.beta2) * g * g;
		root = sqrtf(v[i]) * step.root + step.epsilon;
		w[i] -= (of_g * g + of_m * m[i]) / root;
	}
}

typedef struct optimizer_type
{
	void (*begin)(cer_optimizer_state *optimizer);
	void (*step)(void *self, size_t offset, size_t n);
	cer_moments_kind moments;
} optimizer_type;

static const optimizer_type types[] = {
	[CER_SGD] = {begin_sgd, step_sgd, CER_MOMENTS_VELOCITY},
	[CER_ADAM] = {begin_adam, step_adam, CER_MOMENTS_ADAM},
	[CER_ADAMW] = {begin_adamw, step_adam, CER_MOMENTS_ADAM},
	[CER_NADAM] = {begin_nadam, step_nadam, CER_MOMENTS_ADAM},
	[CER_MUON] = {begin_muon, step_adam, CER_MOMENTS_MUON},
};

cer_moments_kind
cer_optimizer_get_moments(const cer_settings *settings)
{
	return types[settings->optimizer].moments;
}

static void
step_weights(void *self, size_t offset, size_t n)
{
	const cer_optimizer_state *o = self;

	cer_optimizer_decay_embeds(o, offset, n);
	types[o->settings->optimizer].step(self, offset, n);
}

static void
fetch_weights(void *self, size_t offset, size_t n)
{
	const cer_optimizer_state *o = self;

	for (size_t i = offset; i < offset + n; i += CER_TENSOR_FLOATS)
	{
		__builtin_prefetch(o->weights + i, 1);
		__builtin_prefetch(o->m + i, 1);
		if (o->v != NULL)
			__builtin_prefetch(o->v + i, 1);
	}
}

/* NULL where every tensor learns at the same rate. */
static cer_status
make_rates(cer_arena *arena, const cer_net *net, const float **rates,
           cer_error *err)
{
	size_t size = net->n_weights / CER_TENSOR_FLOATS * sizeof(float);
	bool is_needed = false;
	float *made;

	for (size_t i = 0; i < net->n_tensors; i++)
		is_needed = is_needed || net->tensors[i].rate != 1.0f;
	if (!is_needed)
		return CER_OK;
	made = cer_arena_allocate(arena, size);
	if (made == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &net->tensors[i];
		size_t end = tensor->offset + tensor->size;

		for (size_t at = tensor->offset; at < end; at += CER_TENSOR_FLOATS)
			made[at / CER_TENSOR_FLOATS] = tensor->rate;
	}
	*rates = made;
	return CER_OK;
}

static cer_status
prepare_clipping(cer_arena *arena, cer_optimizer_state *o, cer_error *err)
{
	size_t size = o->graph->net->n_tensors * sizeof(double);

	o->squares = cer_arena_allocate(arena, size);
	return o->squares ? CER_OK : cer_fail_memory(err, size);
}

cer_status
cer_optimizer_make(cer_arena *arena, cer_graph *graph,
                   const cer_settings *settings,
                   cer_optimizer_state **optimizer, cer_error *err)
{
	const optimizer_type *type = &types[settings->optimizer];
	cer_optimizer_state *o = cer_arena_allocate(arena, sizeof(*o));
	size_t n_moments = type->moments == CER_MOMENTS_VELOCITY ? 1 : 2;
	size_t n = graph->net->n_weights;

	if (o == NULL)
		return cer_fail_memory(err, sizeof(*o));
	memset(o, 0, sizeof(*o));
	o->kernels = graph->kernels;
	o->settings = settings;
	o->rate = settings->lr;
	o->graph = graph;
	o->weights = graph->weights;
	o->grads = graph->grads;
	o->m = cer_graph_allocate_floats(graph, n_moments * n);
	if (o->m == NULL)
		return cer_fail_memory(err, n_moments * n * sizeof(float));
	o->v = n_moments == 2 ? o->m + n : NULL;
	CER_TRY(make_rates(arena, graph->net, &o->rates, err));
	if (settings->clip > 0.0)
		CER_TRY(prepare_clipping(arena, o, err));
	if (settings->optimizer == CER_MUON)
		CER_TRY(cer_muon_make(arena, graph, o->m, &o->muon, err));
	if (o->squares == NULL && o->muon == NULL)
		cer_graph_set_stepper(graph,
		                      (cer_stepper){step_weights, o, fetch_weights});
	*optimizer = o;
	return CER_OK;
}

void
cer_optimizer_begin_step(cer_optimizer_state *o)
{
	o->lr = o->rate;
	o->decay = o->settings->decay;
	if (o->n_total > 0)
	{
		o->lr *= cer_schedule_get_share(o->settings, o->n_steps, o->n_total);
		o->decay *=
			1.0 - cer_schedule_get_faded(o->settings, o->n_steps, o->n_total);
	}
	o->n_steps++;
	types[o->settings->optimizer].begin(o);
}

/* ------------------------------------------------------------ whole steps */

static void
measure_tensor(void *self, size_t i)
{
	const cer_optimizer_state *o = self;
	const cer_net_tensor *tensor = &o->graph->net->tensors[i];
	const float *grad = o->grads + tensor->offset;
	unsigned before = cer_denormals_flush();
	double sum = 0.0;

	if (!tensor->is_statistic)
		for (size_t j = 0; j < tensor->size; j++)
			sum += (double) grad[j] * (double) grad[j];
	o->squares[i] = sum;
	cer_denormals_restore(before);
}

static void
step_tensor(void *self, size_t i)
{
	const cer_optimizer_state *o = self;
	const cer_net_tensor *tensor = &o->graph->net->tensors[i];
	unsigned before = cer_denormals_flush();

	if (!tensor->is_statistic && !(o->muon != NULL && tensor->n_hidden > 0))
		step_weights(self, tensor->offset, tensor->size);
	cer_denormals_restore(before);
}

static void
run_tensors(cer_optimizer_state *o, cer_task_fn fn)
{
	const cer_host *host = o->graph->host;

	host->run_tasks(host->self, fn, o, o->graph->net->n_tensors);
}

/* Tensors' sums are added in their order, whoever made them. */
static double
measure_norm(cer_optimizer_state *o)
{
	double sum = 0.0;

	run_tensors(o, measure_tensor);
	for (size_t i = 0; i < o->graph->net->n_tensors; i++)
		sum += o->squares[i];
	return sqrt(sum);
}

static void
scale_grads(cer_optimizer_state *o, float factor)
{
	size_t n = o->graph->net->n_weights;

	for (size_t i = 0; i < n; i++)
		o->graph->grads[i] *= factor;
}

static void
clip(cer_optimizer_state *o)
{
	double norm = measure_norm(o);

	if (norm > o->settings->clip)
		scale_grads(o, (float) (o->settings->clip / norm));
}

void
cer_optimizer_end_step(cer_optimizer_state *o)
{
	if (o->squares == NULL && o->muon == NULL)
		return;
	if (o->squares != NULL)
		clip(o);
	run_tensors(o, step_tensor);
	if (o->muon != NULL)
		cer_muon_step(o->muon);
	cer_graph_refresh(o->graph);
}
