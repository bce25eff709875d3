/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/program.h"

#include "lib/base/log.h"
#include "lib/base/process.h"

enum status program_begin(struct settings *out, enum program program, struct error *err) {
    enum log_level level = LOG_INFO;
    process_start();
    log_configure(program_name(program), level);
    enum status status = settings_load(out, program, err);
    if (!status && !log_level_parse(out->log_level, &level))
        status = error_set_at(err, STATUS_INVALID, "LOG_LEVEL",
                              "LOG_LEVEL must be DEBUG, INFO, WARN, NOTICE or ERROR, but it is \"%s\".", out->log_level);
    log_configure(program_name(program), level);
    return status;
}
