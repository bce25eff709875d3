/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A takedown case: somebody states that a package infringes a copyright (the form /dmca), and an operator decides about it. Name,
 * e-mail, work and signature are personal: they are for operators alone, in no log, metric, page or feed. Reference, package,
 * version, times and the decision are public once the case is closed.
 *
 *   {"reference": "DMCA-7K3M9QWX", "receivedAt": 1764000000123, "name": …, "email": …, "work": …, "package": …, "version": …,
 *    "isKnown": true, "signature": …, "closedAt": 1764000000456, "decision": …}
 */
#ifndef LIB_DOMAIN_TAKEDOWN_TAKEDOWN_H
#define LIB_DOMAIN_TAKEDOWN_TAKEDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"

struct arena;
struct text;

enum {
    TAKEDOWN_REFERENCE_MAX = 14,
    TAKEDOWN_DECISION_MIN = 10, /* characters: a sentence */
    TAKEDOWN_DECISION_MAX = 1000,
};

struct takedown {
    char reference[TAKEDOWN_REFERENCE_MAX];
    int64_t received_ms;
    const char *name, *email, *work, *package, *signature;
    const char *version;  /* NULL: the whole package */
    bool is_known;        /* the package, and the version, were found in the registry; else they could not be looked up */
    int64_t closed_ms;    /* 0: it is open */
    const char *decision; /* NULL: it is open */
};

/* Makes a reference by chance: one cannot be guessed from another. */
void takedown_reference_make(char out[TAKEDOWN_REFERENCE_MAX]);
bool takedown_reference_is_well_formed(const char *text);

/* A hash of all that was typed, the same for the same form sent twice. */
void takedown_hash(const struct takedown *takedown, char out[SHA256_HEX_MAX]);

void takedown_append_json(struct text *out, const struct takedown *takedown);
/* STATUS_INVALID: it is no case; texts are in the arena. */
CHECK_RESULT enum status takedown_read_json(struct takedown *out, const char *json, size_t length, struct arena *arena,
                                            struct error *err);

/* Checks the sentence of a decision, which is public: STATUS_INVALID says what would be right. */
CHECK_RESULT enum status takedown_check_decision(const char *decision, struct error *err);

#endif
