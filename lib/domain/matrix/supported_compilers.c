/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/matrix/supported_compilers.h"

#include "lib/base/text.h"

enum status supported_compilers_check(const struct version *supported, size_t count, struct version compiler,
                                      struct error *err) {
    if (version_is_among(compiler, supported, count)) return STATUS_OK;
    char text[VERSION_TEXT_MAX];
    struct text list = {0};
    for (size_t i = 0; i < count; i++) {
        version_print(supported[i], text);
        text_append_format(&list, "%s%s", i ? ", " : "", text);
    }
    version_print(compiler, text);
    error_set_at(err, STATUS_REFUSED, "compiler", "Compiler %s is not supported. Supported compilers: %s.", text,
                 count ? text_view(&list) : "none yet");
    text_release(&list);
    return STATUS_REFUSED;
}
