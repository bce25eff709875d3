/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/set/set_finding.h"

#include <stdlib.h>
#include <string.h>

static int compare_package(const void *name, const void *finding) {
    return strcmp(name, ((const struct set_finding *)finding)->package);
}

const struct set_finding *set_findings_find(const struct set_findings *findings, const char *package) {
    if (findings->count == 0) return NULL;
    return bsearch(package, findings->items, findings->count, sizeof *findings->items, compare_package);
}
