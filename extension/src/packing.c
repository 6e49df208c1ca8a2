/*
 * packing.c
 *	  Floats packed as planes of bytes, alone or as a change against others.
 *
 *	 floats (8) | of each plane: size (8), bytes
 *
 * A plane is a frame of zstd; one that it would not make smaller stands as it
 * is, which its size tells.  Numbers are stored lowest byte first.
 */
#include "cerebro_pg.h"

#include <zstd.h>

#include "packing.h"

#define N_PLANES 4
/* Low planes of floats hardly pack: more effort finds nothing. */
#define LEVEL 1

static void
put_number(char *to, uint64 value)
{
	for (int i = 0; i < 8; i++)
		to[i] = (char) (value >> (8 * i));
}

static uint64
get_number(const char *from)
{
	uint64 value = 0;

	for (int i = 0; i < 8; i++)
		value |= (uint64) (uint8) from[i] << (8 * i);
	return value;
}

static void *
allocate(Size size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(size, 1));
}

/* Returns how many bytes it took at the place. */
static Size
pack_plane(const uint8 *plane, Size n, char *to, Size room)
{
	Size size = ZSTD_compress(to + 8, room - 8, plane, n, LEVEL);

	if (ZSTD_isError(size) || size >= n)
	{
		memcpy(to + 8, plane, n);
		size = n;
	}
	put_number(to, size);
	return size + 8;
}

Packed
packing_pack(const void *data, Size size, const void *base)
{
	Size n = size / sizeof(float);
	Size room = 8 + N_PLANES * (8 + ZSTD_compressBound(n));
	uint8 *planes = allocate(size);
	Packed packed = {.data = allocate(room), .size = 8};

	cer_planes_split(n, data, base, planes);
	put_number(packed.data, n);
	for (int i = 0; i < N_PLANES; i++)
		packed.size += pack_plane(planes + i * n, n, packed.data + packed.size,
		                          room - packed.size);
	pfree(planes);
	return packed;
}

static void
fail_damaged(void)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
	                errmsg("packed bytes of the archive are damaged")));
}

static Size
unpack_plane(const char *from, Size left, uint8 *plane, Size n)
{
	Size size;

	if (left < 8)
		fail_damaged();
	size = get_number(from);
	if (size > n || size > left - 8)
		fail_damaged();
	if (size == n)
		memcpy(plane, from + 8, n);
	else if (ZSTD_decompress(plane, n, from + 8, size) != n)
		fail_damaged();
	return size + 8;
}

Packed
packing_unpack(const Packed *packed, const void *base, Size base_size)
{
	Packed floats = {0};
	uint8 *planes;
	Size done = 8;
	Size n;

	if (packed->size < 8)
		fail_damaged();
	n = get_number(packed->data);
	floats.size = n * sizeof(float);
	if (n > MaxAllocHugeSize / sizeof(float) ||
	    (base != NULL && base_size != floats.size))
		fail_damaged();
	planes = allocate(floats.size);
	floats.data = allocate(floats.size);
	for (int i = 0; i < N_PLANES; i++)
		done += unpack_plane(packed->data + done, packed->size - done,
		                     planes + i * n, n);
	if (done != packed->size)
		fail_damaged();
	cer_planes_join(n, planes, base, (float *) floats.data);
	pfree(planes);
	return floats;
}
