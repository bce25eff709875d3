/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as another program's list of metrics. An accepted list has as many lines after it is written and read again.
 */
#include "lib/base/metrics.h"
#include "lib/base/text.h"
#include "tests/fuzz/fuzz.h"

/* One more label, which no input is likely to have. */
static const char label[] = "a_label_of_the_fuzz_target", another[] = "and_another_one";

static size_t count_lines(const struct metrics *metrics) {
    struct text lines = {0};
    metrics_append_prometheus(&lines, metrics);
    size_t count = 0;
    for (size_t i = 0; i < lines.length; i++)
        count += lines.bytes[i] == '\n';
    text_release(&lines);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct text input = {0}, json = {0};
    text_append_bytes(&input, bytes, length);
    struct metrics *metrics = metrics_create(), *again = metrics_create();
    if (!metrics_add_json(metrics, text_view(&input), label, "value", NULL)) {
        metrics_append_json(&json, metrics);
        enum status status = metrics_add_json(again, json.bytes, another, "value", NULL);
        assert(status == STATUS_OK);
        assert(count_lines(metrics) == count_lines(again));
    }
    metrics_free(metrics);
    metrics_free(again);
    text_release(&json);
    text_release(&input);
    return 0;
}
