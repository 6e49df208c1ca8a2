/*
 * cerebro.h
 *	  The public interface of libcerebro, the library under CEREBRO: what a
 *	  model selection triple is, how rows become encoded columns, how a network
 *	  is trained and scored, how a model and the frames between server and
 *	  engine look as bytes.
 *
 * The library knows no database, no files and no threads; it asks for them
 * through cer_host.  It keeps no global state.  Every function that can fail
 * returns a cer_status, leaves its outputs untouched on failure and describes
 * the failure in a cer_error that the caller owns (NULL is allowed).
 *
 * Data flow one way:
 *
 *	 text -> cer_mst -> cer_plan -> cer_chunk -> cer_dataset -> cer_trainer
 *		  -> cer_model <-> parts (bytes) -> scores
 *
 * Names tell ownership: init/release storage of the caller, new/free storage
 * of their own (free accepts NULL), make in an arena, get/find/count lend.
 */
#ifndef CEREBRO_H
#define CEREBRO_H

#include "cerebro/base.h"
#include "cerebro/data.h"
#include "cerebro/language.h"
#include "cerebro/model.h"
#include "cerebro/outline.h"

#ifndef CER_VERSION
#define CER_VERSION "0.1.0"
#endif

#endif
