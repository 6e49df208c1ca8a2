/*
 * data/encode_types.c
 *	  The kinds of encoders there are, and their functions.
 *
 * Ids are in stored models: they are append-only.
 */
#include "data/encoder.h"

static const cer_encoder_type types[] = {
	{
		.id = 1,
		.kinds = {CER_ENCODER_ROBUST, CER_ENCODER_ROBUST, CER_ENCODER_ROBUST},
		.measure = cer_robust_measure,
		.encode = cer_robust_encode,
		.encode_values = cer_robust_encode_values,
		.write = cer_scale_write,
		.read = cer_scale_read,
	},
	{
		.id = 2,
		.kinds = {CER_ENCODER_STANDARDIZE, CER_ENCODER_STANDARDIZE,
                  CER_ENCODER_STANDARDIZE},
		.measure = cer_standardize_measure,
		.encode = cer_standardize_encode,
		.encode_values = cer_standardize_encode_values,
		.write = cer_scale_write,
		.read = cer_scale_read,
	},
	{
		.id = 5,
		.kinds = {CER_ENCODER_QUANTILE, CER_ENCODER_QUANTILE,
                  CER_ENCODER_QUANTILE},
		.measure = cer_grid_measure,
		.settle = cer_grid_settle,
		.encode = cer_grid_encode,
		.encode_values = cer_grid_encode_values,
		.write = cer_grid_write,
		.read = cer_grid_read,
	},
	{
		.id = 6,
		.kinds = {CER_ENCODER_PLE, CER_ENCODER_PLE, CER_ENCODER_PLE},
		.measure = cer_grid_measure,
		.settle = cer_grid_settle,
		.encode = cer_grid_encode,
		.encode_values = cer_grid_encode_values,
		.write = cer_grid_write,
		.read = cer_grid_read,
	},
	{
		.id = CER_LEARNT_PLE,
		.kinds = {CER_ENCODER_PLE, CER_ENCODER_PLE, CER_ENCODER_PLE},
		.measure = cer_grid_measure,
		.settle = cer_learnt_grid_settle,
		.encode = cer_grid_encode,
		.encode_values = cer_grid_encode_values,
		.lift = cer_learnt_grid_lift,
		.write = cer_learnt_grid_write,
		.read = cer_learnt_grid_read,
	},
	{
		.id = 14,
		.kinds = {CER_ENCODER_PERIODIC, CER_ENCODER_PERIODIC,
                  CER_ENCODER_PERIODIC},
		.measure = cer_learnt_measure,
		.encode = cer_robust_encode,
		.encode_values = cer_robust_encode_values,
		.lift = cer_learnt_lift,
		.write = cer_learnt_write,
		.read = cer_learnt_read,
	},
	{
		.id = 15,
		.kinds = {CER_ENCODER_PBLD, CER_ENCODER_PBLD, CER_ENCODER_PBLD},
		.measure = cer_learnt_measure,
		.encode = cer_robust_encode,
		.encode_values = cer_robust_encode_values,
		.lift = cer_learnt_lift,
		.write = cer_learnt_write,
		.read = cer_learnt_read,
	},
	{
		.id = 7,
		.kinds = {CER_ENCODER_LOG, CER_ENCODER_LOG, CER_ENCODER_LOG},
		.measure = cer_log_measure,
		.encode = cer_log_encode,
		.encode_values = cer_log_encode_values,
		.write = cer_scale_write,
		.read = cer_scale_read,
	},
	{
		.id = 8,
		.kinds = {CER_ENCODER_BINS, CER_ENCODER_BINS, CER_ENCODER_BINS},
		.is_table = true,
		.measure = cer_grid_measure,
		.settle = cer_bins_settle,
		.encode = cer_bins_encode,
		.encode_values = cer_bins_encode_values,
		.describe = cer_bins_describe,
		.write = cer_bins_write,
		.read = cer_bins_read,
	},
	{
		.id = 3,
		.kinds = {CER_ENCODER_AUTO, CER_ENCODER_ONEHOT, CER_ENCODER_EMBED},
		.is_of_codes = true,
		.is_table = true,
		.measure = cer_category_measure,
		.settle = cer_category_settle,
		.find = cer_category_find,
		.write = cer_table_write,
		.read = cer_table_read,
	},
	{
		.id = 4,
		.kinds = {CER_ENCODER_ONEHOT, CER_ENCODER_EMBED, CER_ENCODER_EMBED},
		.is_table = true,
		.measure = cer_number_value_measure,
		.settle = cer_number_value_settle,
		.find_number = cer_number_value_find,
		.encode = cer_number_value_encode,
		.encode_values = cer_number_value_encode_values,
		.write = cer_table_write,
		.read = cer_table_read,
	},
	{
		.id = 18,
		.kinds = {CER_ENCODER_RATE, CER_ENCODER_RATE, CER_ENCODER_RATE},
		.is_of_codes = true,
		.measure = cer_category_measure,
		.settle = cer_rate_settle,
		.find = cer_rate_find,
		.encode = cer_rate_encode,
		.encode_values = cer_rate_encode_values,
		.write = cer_rate_write,
		.read = cer_rate_read,
	},
	{
		.id = 19,
		.kinds = {CER_ENCODER_RATE, CER_ENCODER_RATE, CER_ENCODER_RATE},
		.measure = cer_number_value_measure,
		.settle = cer_rate_number_settle,
		.encode = cer_rate_encode,
		.encode_values = cer_rate_encode_values,
		.write = cer_rate_write,
		.read = cer_rate_read,
	},
	{
		.id = 9,
		.kinds = {CER_ENCODER_HASH, CER_ENCODER_HASH, CER_ENCODER_HASH},
		.is_of_codes = true,
		.is_table = true,
		.measure = cer_category_measure,
		.settle = cer_hash_settle,
		.find = cer_hash_find,
		.describe = cer_hash_describe,
		.write = cer_hash_write,
		.read = cer_hash_read,
	},
	{
		.id = 10,
		.kinds = {CER_ENCODER_HASH, CER_ENCODER_HASH, CER_ENCODER_HASH},
		.is_table = true,
		.measure = cer_number_value_measure,
		.settle = cer_hash_number_settle,
		.find_number = cer_hash_find_number,
		.encode = cer_number_value_encode,
		.encode_values = cer_number_value_encode_values,
		.describe = cer_hash_describe,
		.write = cer_hash_write,
		.read = cer_hash_read,
	},
	{
		.id = 11,
		.kinds = {CER_ENCODER_NGRAM, CER_ENCODER_NGRAM, CER_ENCODER_NGRAM},
		.is_of_codes = true,
		.is_table = true,
		.measure = cer_category_measure,
		.settle = cer_ngram_settle,
		.find = cer_ngram_find,
		.lift = cer_ngram_lift,
		.write = cer_hash_write,
		.read = cer_hash_read,
	},
	{
		.id = 17,
		.kinds = {CER_ENCODER_BAG, CER_ENCODER_BAG, CER_ENCODER_BAG},
		.is_of_codes = true,
		.is_table = true,
		.measure = cer_category_measure,
		.settle = cer_bag_settle,
		.find = cer_bag_find,
		.lift = cer_bag_lift,
		.write = cer_bag_write,
		.read = cer_bag_read,
	},
	{
		.id = 12,
		.kinds = {CER_ENCODER_CYCLES, CER_ENCODER_CYCLES, CER_ENCODER_CYCLES},
		.measure = cer_cycles_measure,
		.encode = cer_cycles_encode,
		.encode_values = cer_cycles_encode_values,
		.write = cer_cycles_write,
		.read = cer_cycles_read,
	},
	{
		.id = 13,
		.kinds = {CER_ENCODER_PARTS, CER_ENCODER_PARTS, CER_ENCODER_PARTS},
		.is_table = true,
		.measure = cer_parts_measure,
		.settle = cer_parts_settle,
		.encode = cer_parts_encode,
		.encode_values = cer_parts_encode_values,
		.describe = cer_parts_describe,
		.write = cer_parts_write,
		.read = cer_parts_read,
	},
	{
		.id = 40,
		.kinds = {CER_ENCODER_SEQUENCE, CER_ENCODER_SEQUENCE,
                  CER_ENCODER_SEQUENCE},
		.measure = cer_array_measure,
		.encode = cer_array_encode,
		.encode_values = cer_array_encode_values,
		.write = cer_scale_write,
		.read = cer_scale_read,
	},
};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

static bool
has_kind(const cer_encoder_type *type, cer_encoder_kind kind)
{
	for (size_t i = 0; i < sizeof(type->kinds) / sizeof(type->kinds[0]); i++)
		if (type->kinds[i] == kind)
			return true;
	return false;
}

const cer_encoder_type *
cer_encoder_type_find(cer_encoder_kind kind, bool is_of_codes)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].is_of_codes == is_of_codes && has_kind(&types[i], kind))
			return &types[i];
	return NULL;
}

const cer_encoder_type *
cer_encoder_type_find_id(uint8_t id)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].id == id)
			return &types[i];
	return NULL;
}
