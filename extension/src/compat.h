/*
 * compat.h
 *	  Every difference between PostgreSQL versions stands here.
 */
#ifndef CEREBRO_COMPAT_H
#define CEREBRO_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "CEREBRO needs PostgreSQL 15 or later"
#endif

/* From 16 on the rights on relations stand beside the range table. */
#if PG_VERSION_NUM >= 160000
#define compat_set_permissions(query, state) \
	((query)->rteperminfos = (state)->p_rteperminfos)
#else
#define compat_set_permissions(query, state) ((void) (state))
#endif

#endif
