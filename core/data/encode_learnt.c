/*
 * data/encode_learnt.c
 *	  Numbers of which the network learns more: periodic, pbld and ple(n, d).
 *
 * What is encoded is one number, as robust has it (of ple the normal deviate of
 * the rank, as quantile has it); how many learnt numbers the network makes of
 * it and from what is its lift: nn/op_lift.c.
 */
#include "data/encoder.h"

/* ---- periodic and pbld ---- */

static size_t
choose(size_t given, size_t otherwise)
{
	return given > 0 ? given : otherwise;
}

void
cer_learnt_measure(cer_fit_input *fit)
{
	cer_encoder *encoder = fit->encoder;
	const cer_encoder_spec *spec = &encoder->spec;
	bool is_pbld = spec->kind == CER_ENCODER_PBLD;

	cer_robust_measure(fit);
	encoder->n_inner =
		choose(spec->width, is_pbld ? CER_PBLD_FREQUENCIES : CER_FREQUENCIES);
	encoder->n_learnt = choose(spec->depth, is_pbld ? CER_PBLD : CER_PERIODIC);
	encoder->deviation = spec->scale > 0 ? spec->scale
	                     : is_pbld       ? CER_PBLD_DEVIATION
	                                     : CER_PERIODIC_DEVIATION;
}

cer_status
cer_learnt_lift(cer_arena *arena, const cer_encoder *encoder, cer_lift *lift,
                cer_error *err)
{
	(void) arena;
	(void) err;
	lift->kind = encoder->spec.kind == CER_ENCODER_PBLD ? CER_LIFT_PBLD
	                                                    : CER_LIFT_PERIODIC;
	return CER_OK;
}

static void
write_learnt(cer_byte_writer *to, const cer_encoder *encoder)
{
	cer_write_number(to, encoder->n_inner, sizeof(uint32_t));
	cer_write_number(to, encoder->n_learnt, sizeof(uint32_t));
	cer_write_double(to, encoder->deviation);
}

static cer_status
read_learnt(cer_byte_reader *from, cer_encoder *encoder, cer_error *err)
{
	encoder->n_inner = (size_t) cer_read_number(from, sizeof(uint32_t));
	encoder->n_learnt = (size_t) cer_read_number(from, sizeof(uint32_t));
	encoder->deviation = cer_read_double(from);
	if (encoder->n_learnt == 0 || encoder->n_learnt > CER_MAX_EMBED_WIDTH ||
	    encoder->n_inner == 0 || encoder->n_inner > CER_MAX_EMBED_WIDTH ||
	    !(encoder->deviation >= 0 && encoder->deviation <= CER_HUGE_NUMBER))
		return cer_encoder_fail(encoder, err);
	return CER_OK;
}

void
cer_learnt_write(cer_byte_writer *to, const cer_encoder *encoder)
{
	write_learnt(to, encoder);
	cer_scale_write(to, encoder);
}

cer_status
cer_learnt_read(cer_arena *arena, cer_byte_reader *from, cer_encoder *encoder,
                cer_error *err)
{
	CER_TRY(read_learnt(from, encoder, err));
	return cer_scale_read(arena, from, encoder, err);
}

/* ---- ple ---- */

/* A column without spread has one bin, in which every number is 0. */
static void
count_bins(cer_encoder *encoder)
{
	encoder->n_inner = encoder->n_points > 1 ? encoder->n_points - 1 : 1;
}

cer_status
cer_learnt_grid_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	fit->encoder->n_learnt = fit->encoder->spec.depth;
	CER_TRY(cer_grid_settle(arena, fit, err));
	count_bins(fit->encoder);
	return CER_OK;
}

/* The grid's deviates are where its values lie, once encoded. */
cer_status
cer_learnt_grid_lift(cer_arena *arena, const cer_encoder *encoder,
                     cer_lift *lift, cer_error *err)
{
	size_t size = (encoder->n_inner + 1) * sizeof(float);
	float *edges = cer_arena_allocate(arena, size);

	if (edges == NULL)
		return cer_fail_memory(err, size);
	edges[0] = 0;
	edges[1] = 1;
	for (size_t i = 0; encoder->n_points > 1 && i < encoder->n_points; i++)
		edges[i] = (float) encoder->deviates[i];
	lift->kind = CER_LIFT_PLE;
	lift->edges = edges;
	return CER_OK;
}

void
cer_learnt_grid_write(cer_byte_writer *to, const cer_encoder *encoder)
{
	write_learnt(to, encoder);
	cer_grid_write(to, encoder);
}

static bool
is_rising(const cer_encoder *encoder)
{
	for (size_t i = 1; i < encoder->n_points; i++)
		if (!((float) encoder->deviates[i] > (float) encoder->deviates[i - 1]))
			return false;
	return true;
}

cer_status
cer_learnt_grid_read(cer_arena *arena, cer_byte_reader *from,
                     cer_encoder *encoder, cer_error *err)
{
	size_t n_inner;

	CER_TRY(read_learnt(from, encoder, err));
	n_inner = encoder->n_inner;
	CER_TRY(cer_grid_read(arena, from, encoder, err));
	count_bins(encoder);
	if (n_inner != encoder->n_inner || !is_rising(encoder))
		return cer_encoder_fail(encoder, err);
	return CER_OK;
}
