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
 */
#include "train/optimizer.h"
#include "base/error.h"

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
		.lr = (float) o->settings->lr,
		.l2 = (float) o->settings->decay,
		.beta1 = (float) o->settings->momentum,
	};
}

static void
begin_adam(cer_optimizer_state *o)
{
	const cer_settings *s = o->settings;
	double t = (double) o->n_steps;

	o->step = (cer_step){
		.lr = (float) (s->lr / (1.0 - pow(s->beta1, t))),
		.shrink = 1.0f,
		.l2 = (float) s->decay,
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
	o->step.shrink = (float) (1.0 - o->settings->lr * o->settings->decay);
}

typedef struct optimizer_type
{
	void (*begin)(cer_optimizer_state *optimizer);
	void (*step)(void *self, size_t offset, size_t n);
	bool has_second_moment;
} optimizer_type;

static const optimizer_type types[] = {
	[CER_SGD] = {begin_sgd, step_sgd, false},
	[CER_ADAM] = {begin_adam, step_adam, true},
	[CER_ADAMW] = {begin_adamw, step_adam, true},
};

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

cer_status
cer_optimizer_make(cer_arena *arena, cer_graph *graph,
                   const cer_settings *settings,
                   cer_optimizer_state **optimizer, cer_error *err)
{
	const optimizer_type *type = &types[settings->optimizer];
	cer_optimizer_state *o = cer_arena_allocate(arena, sizeof(*o));
	size_t n_moments = type->has_second_moment ? 2 : 1;
	size_t n = graph->net->n_weights;

	if (o == NULL)
		return cer_fail_memory(err, sizeof(*o));
	memset(o, 0, sizeof(*o));
	o->kernels = graph->kernels;
	o->settings = settings;
	o->weights = graph->weights;
	o->grads = graph->grads;
	o->m = cer_graph_allocate_floats(graph, n_moments * n);
	if (o->m == NULL)
		return cer_fail_memory(err, n_moments * n * sizeof(float));
	o->v = type->has_second_moment ? o->m + n : NULL;
	CER_TRY(make_rates(arena, graph->net, &o->rates, err));
	cer_graph_set_stepper(graph, (cer_stepper){type->step, o});
	*optimizer = o;
	return CER_OK;
}

void
cer_optimizer_begin_step(cer_optimizer_state *optimizer)
{
	optimizer->n_steps++;
	types[optimizer->settings->optimizer].begin(optimizer);
}
