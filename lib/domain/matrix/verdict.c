/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/matrix/verdict.h"

#include "lib/base/text.h"

static const struct {
    const char *text;
    bool stands;
    const char *meaning;
} verdicts[] = {
#define VERDICT(name, text, stands, meaning) {text, stands, meaning},
    VERDICT_TABLE(VERDICT)
#undef VERDICT
};

const char *verdict_text(enum verdict verdict) {
    return verdicts[verdict].text;
}

bool verdict_parse(const char *text, enum verdict *verdict) {
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        if (text_equal(verdicts[i].text, text)) {
            *verdict = (enum verdict)i;
            return true;
        }
    return false;
}

bool verdict_stands(enum verdict verdict) {
    return verdicts[verdict].stands;
}

const char *verdict_meaning(enum verdict verdict) {
    return verdicts[verdict].meaning;
}
