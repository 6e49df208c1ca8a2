/*
 * compat.h
 *	  Every difference between PostgreSQL versions stands here.
 */
#ifndef CEREBRO_COMPAT_H
#define CEREBRO_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "CEREBRO needs PostgreSQL 15 or later"
#endif

#endif
