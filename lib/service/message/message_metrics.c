/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/message/message_metrics.h"

#include "lib/base/array.h"

struct samples {
    struct record_metric *items;
    size_t count, capacity;
    struct arena *arena;
};

static struct record_metric_label_list list_labels(const char *const *labels, struct arena *arena) {
    size_t count = 0;
    while (labels[2 * count])
        count++;
    struct record_metric_label *items = arena_alloc(arena, (count + 1) * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct record_metric_label){arena_copy(arena, labels[2 * i]), arena_copy(arena, labels[2 * i + 1])};
    return (struct record_metric_label_list){items, count};
}

static void take_sample(void *context, const struct metric_sample *sample) {
    struct samples *samples = context;
    *array_add_in(samples->arena, samples) = (struct record_metric){.name = arena_copy(samples->arena, sample->name),
                                                                    .is_counter = sample->kind == METRIC_COUNTER,
                                                                    .help = arena_copy(samples->arena, sample->help),
                                                                    .labels = list_labels(sample->labels, samples->arena),
                                                                    .value = sample->value};
}

struct record_metric_list message_list_metrics(const struct metrics *metrics, struct arena *arena) {
    struct samples samples = {.arena = arena};
    metrics_each(metrics, take_sample, &samples);
    return (struct record_metric_list){samples.items, samples.count};
}

/* As struct metric_sample has them. An absent text is an empty one: no name of a label, but a value. */
static const char *const *read_labels(struct record_metric_label_list list, struct arena *arena) {
    const char **labels = arena_alloc(arena, (2 * list.count + 1) * sizeof *labels);
    for (size_t i = 0; i < list.count; i++) {
        labels[2 * i] = list.items[i].name ? list.items[i].name : "";
        labels[2 * i + 1] = list.items[i].value ? list.items[i].value : "";
    }
    return labels;
}

enum status message_add_metrics(struct metrics *metrics, struct record_metric_list samples, const char *label,
                                const char *value, struct error *err) {
    struct arena arena = {0};
    struct metric_sample *list = arena_alloc(&arena, (samples.count + 1) * sizeof *list);
    for (size_t i = 0; i < samples.count; i++) {
        const struct record_metric *sample = &samples.items[i];
        list[i] = (struct metric_sample){.kind = sample->is_counter ? METRIC_COUNTER : METRIC_GAUGE,
                                         .name = sample->name,
                                         .help = sample->help,
                                         .labels = read_labels(sample->labels, &arena),
                                         .value = sample->value};
    }
    enum status status = metrics_add_foreign(metrics, list, samples.count, label, value, err);
    arena_release(&arena);
    return status;
}
