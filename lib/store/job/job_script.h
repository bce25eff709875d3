/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The script with which Redis changes jobs: the pieces in lib/store/job/script/ (begin.lua has their order), preceded by tables
 * made from lib/domain/job/job_kinds.def and the constants of job_steps.h. Private to lib/store.
 */
#ifndef LIB_STORE_JOB_JOB_SCRIPT_H
#define LIB_STORE_JOB_JOB_SCRIPT_H

/* The same text for all connections of the process, which keeps it: it is put together at the first call. Any thread. */
const char *job_script_text(void);

#endif
