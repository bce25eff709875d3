/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The JSON form: [{"name", "kind", "help", "labels": {NAME: VALUE, …}, "value": NUMBER | "NaN" | "+Inf" | "-Inf"}, …].
 */
#include "lib/base/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

enum { NUMBER_TEXT_MAX = 40 };

static const char *const kind_texts[] = {[METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter"};
static const char name_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

struct sample {
    struct sample *next;
    const char *const *labels; /* pairs, with NULL at the end */
    double value;
};

/* All samples of one name. Kind and help are those of the first one. */
struct family {
    struct family *next;
    const char *name;
    const char *help;
    enum metric_kind kind;
    struct sample *first, *last;
};

struct metrics {
    struct arena arena;
    struct family *first, *last;
};

struct metrics *metrics_create(void) {
    return memory_alloc(sizeof(struct metrics));
}

void metrics_free(struct metrics *metrics) {
    if (!metrics) return;
    arena_release(&metrics->arena);
    free(metrics);
}

/* ---- Adding ---- */

static bool is_name(const char *text) {
    return *text && !strchr("0123456789", *text) && text[strspn(text, name_characters)] == '\0';
}

static struct family *find_family(struct metrics *metrics, enum metric_kind kind, const char *name, const char *help) {
    struct family *family = metrics->first;
    while (family && strcmp(family->name, name) != 0)
        family = family->next;
    if (family) return family;
    family = arena_alloc(&metrics->arena, sizeof *family);
    family->name = arena_copy(&metrics->arena, name);
    family->help = arena_copy(&metrics->arena, help);
    family->kind = kind;
    *(metrics->last ? &metrics->last->next : &metrics->first) = family;
    metrics->last = family;
    return family;
}

static const char *const *copy_labels(struct metrics *metrics, const char *const *labels) {
    size_t count = 0;
    while (labels && labels[count])
        count++;
    assert(count % 2 == 0);
    const char **copies = arena_alloc(&metrics->arena, (count + 1) * sizeof *copies);
    for (size_t i = 0; i < count; i++)
        copies[i] = arena_copy(&metrics->arena, labels[i]);
    return copies;
}

void metrics_add(struct metrics *metrics, enum metric_kind kind, const char *name, const char *help, const char *const *labels,
                 double value) {
    assert(is_name(name));
    struct family *family = find_family(metrics, kind, name, help);
    struct sample *sample = arena_alloc(&metrics->arena, sizeof *sample);
    sample->labels = copy_labels(metrics, labels);
    sample->value = value;
    *(family->last ? &family->last->next : &family->first) = sample;
    family->last = sample;
}

void metrics_each(const struct metrics *metrics, void (*take)(void *context, const struct metric_sample *sample),
                  void *context) {
    for (const struct family *family = metrics->first; family; family = family->next)
        for (const struct sample *sample = family->first; sample; sample = sample->next)
            take(context, &(struct metric_sample){family->kind, family->name, family->help, sample->labels, sample->value});
}

/* ---- Those of others ---- */

/* Samples to be added, and the label that each gets. */
struct addition {
    struct metrics *to;
    struct arena arena;
    const char *label, *value; /* NULL: none */
};

static size_t count_texts(const char *const *labels) {
    size_t count = 0;
    while (labels && labels[count])
        count++;
    return count;
}

static void add_sample(void *context, const struct metric_sample *sample) {
    struct addition *addition = context;
    size_t count = count_texts(sample->labels);
    const char **labels = arena_alloc(&addition->arena, (count + 3) * sizeof *labels);
    if (count > 0) memcpy(labels, sample->labels, count * sizeof *labels);
    if (addition->label) {
        labels[count] = addition->label;
        labels[count + 1] = addition->value;
    }
    metrics_add(addition->to, sample->kind, sample->name, sample->help, labels, sample->value);
}

void metrics_add_all(struct metrics *metrics, const struct metrics *from, const char *label, const char *value) {
    struct addition addition = {.to = metrics, .label = label, .value = value};
    metrics_each(from, add_sample, &addition);
    arena_release(&addition.arena);
}

static enum status check_foreign(const struct metric_sample *sample, const char *label, struct error *err) {
    if (!sample->name || !is_name(sample->name))
        return error_set_at(err, STATUS_INVALID, "name", "\"%s\" cannot be the name of a metric.",
                            sample->name ? sample->name : "");
    if (!sample->help) return error_set_at(err, STATUS_INVALID, "help", "The metric %s has no help text.", sample->name);
    size_t count = count_texts(sample->labels);
    if (count % 2 != 0)
        return error_set_at(err, STATUS_INVALID, "labels", "A label of the metric %s has no value.", sample->name);
    for (size_t i = 0; i < count; i += 2)
        if (!is_name(sample->labels[i]) || text_equal(sample->labels[i], label))
            return error_set_at(err, STATUS_INVALID, "labels", "\"%s\" cannot be the label of a metric.", sample->labels[i]);
    return STATUS_OK;
}

enum status metrics_add_foreign(struct metrics *metrics, const struct metric_sample *samples, size_t count, const char *label,
                                const char *value, struct error *err) {
    struct addition addition = {.to = metrics, .label = label, .value = value};
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < count; i++)
        status = check_foreign(&samples[i], label, err);
    for (size_t i = 0; !status && i < count; i++)
        add_sample(&addition, &samples[i]);
    arena_release(&addition.arena);
    return status;
}

/* ---- This process ---- */

/* The age of this process in seconds; 0 if /proc cannot be read. */
static double process_age_s(void) {
    char line[1024] = "";
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file) return 0;
    if (!fgets(line, sizeof line, file)) line[0] = '\0';
    fclose(file);
    const char *fields = strrchr(line, ')'); /* skips the program name, which may have spaces; field 3 follows */
    unsigned long long start_ticks = 0;
    if (!fields || sscanf(fields + 1, " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
                          &start_ticks) != 1)
        return 0;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9 - (double)start_ticks / (double)sysconf(_SC_CLK_TCK);
}

static double resident_bytes(void) {
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) return 0;
    if (fscanf(file, "%*s %llu", &pages) != 1) pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double seconds(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

void metrics_add_process(struct metrics *metrics) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    metrics_add(metrics, METRIC_GAUGE, "registry_uptime_seconds", "How long the program has been running.", NULL,
                process_age_s());
    metrics_add(metrics, METRIC_GAUGE, "registry_resident_bytes", "Resident memory of the program.", NULL, resident_bytes());
    metrics_add(metrics, METRIC_COUNTER, "registry_cpu_seconds_total", "CPU time of the program.", NULL,
                seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

/* ---- Numbers ---- */

/* The shortest text that reads back as the same number; NaN and the infinities as in the Prometheus text format. */
static void print_number(double value, char out[NUMBER_TEXT_MAX]) {
    if (isnan(value)) {
        strcpy(out, "NaN");
    } else if (isinf(value)) {
        strcpy(out, value > 0 ? "+Inf" : "-Inf");
    } else {
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(out, NUMBER_TEXT_MAX, "%.*g", digits, value);
            if (strtod(out, NULL) == value) return; /* NOLINT: an exact comparison */
        }
    }
}

static bool read_number(const json_t *value, double *out) {
    static const struct {
        const char *text;
        double value;
    } others[] = {{"NaN", (double)NAN}, {"+Inf", (double)INFINITY}, {"-Inf", (double)-INFINITY}};
    if (json_is_number(value)) {
        *out = json_number_value(value);
        return true;
    }
    for (size_t i = 0; json_is_string(value) && i < sizeof others / sizeof others[0]; i++)
        if (strcmp(json_string_value(value), others[i].text) == 0) {
            *out = others[i].value;
            return true;
        }
    return false;
}

/* ---- JSON ---- */

static void append_sample_json(void *context, const struct metric_sample *sample) {
    struct json_writer *writer = context;
    char number[NUMBER_TEXT_MAX];
    print_number(sample->value, number);
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", sample->name);
    json_writer_text_field(writer, "kind", kind_texts[sample->kind]);
    json_writer_text_field(writer, "help", sample->help);
    json_writer_key(writer, "labels");
    json_writer_open(writer, '{');
    for (const char *const *label = sample->labels; *label; label += 2)
        json_writer_text_field(writer, label[0], label[1]);
    json_writer_close(writer, '}');
    json_writer_key(writer, "value");
    if (isfinite(sample->value))
        json_writer_raw(writer, number);
    else
        json_writer_text(writer, number);
    json_writer_close(writer, '}');
}

void metrics_append_json(struct text *out, const struct metrics *metrics) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '[');
    metrics_each(metrics, append_sample_json, &writer);
    json_writer_close(&writer, ']');
}

static bool read_kind(const char *text, enum metric_kind *kind) {
    for (*kind = METRIC_GAUGE; *kind <= METRIC_COUNTER; (*kind)++)
        if (strcmp(kind_texts[*kind], text) == 0) return true;
    return false;
}

/* Lists the pairs of `object` in `arena`; the texts are borrowed. */
static enum status read_labels(const char *const **out, struct arena *arena, const json_t *object, struct error *err) {
    const char **labels = arena_alloc(arena, (2 * json_object_size(object) + 1) * sizeof *labels);
    size_t count = 0;
    const char *name;
    json_t *text;
    json_object_foreach((json_t *)object, name, text) {
        if (!json_is_string(text))
            return error_set_at(err, STATUS_INVALID, "labels", "\"%s\" cannot be the label of a metric.", name);
        labels[count++] = name;
        labels[count++] = json_string_value(text);
    }
    *out = labels;
    return STATUS_OK;
}

/* Texts are borrowed from `item`. */
static enum status read_sample(struct metric_sample *out, struct arena *arena, const json_t *item, struct error *err) {
    const char *kind_text;
    const json_t *label_object;
    if (!json_is_object(item)) return error_set(err, STATUS_INVALID, "A metric must be an object.");
    enum status status = json_need_text(item, "name", &out->name, err);
    if (!status) status = json_need_text(item, "kind", &kind_text, err);
    if (!status) status = json_need_text(item, "help", &out->help, err);
    if (!status) status = json_need_object(item, "labels", &label_object, err);
    if (!status) status = read_labels(&out->labels, arena, label_object, err);
    if (status) return status;
    if (!read_kind(kind_text, &out->kind))
        return error_set_at(err, STATUS_INVALID, "kind", "The kind of the metric %s is \"%s\"; it must be gauge or counter.",
                            out->name, kind_text);
    if (!read_number(json_object_get(item, "value"), &out->value))
        return error_set_at(err, STATUS_INVALID, "value", "The value of the metric %s is not a number.", out->name);
    return STATUS_OK;
}

enum status metrics_add_json(struct metrics *metrics, const char *json, const char *label, const char *value,
                             struct error *err) {
    json_t *list = NULL;
    enum status status = json_read(&list, json, strlen(json), "The list of metrics", err);
    if (status) return status;
    struct arena arena = {0};
    if (!json_is_array(list)) status = error_set(err, STATUS_INVALID, "A list of metrics must be an array.");
    size_t count = json_array_size(list);
    struct metric_sample *samples = arena_alloc(&arena, (count + 1) * sizeof *samples);
    for (size_t i = 0; i < count && !status; i++)
        status = read_sample(&samples[i], &arena, json_array_get(list, i), err);
    if (!status) status = metrics_add_foreign(metrics, samples, count, label, value, err);
    arena_release(&arena);
    json_decref(list);
    return status;
}

/* ---- The Prometheus text format ---- */

/* Escapes line breaks, backslashes and, in a label's value, quotes by a backslash. */
static void append_escaped(struct text *out, const char *text, bool is_quoted) {
    for (; *text; text++) {
        if (*text == '\n') {
            text_append(out, "\\n");
            continue;
        }
        if (*text == '\\' || (is_quoted && *text == '"')) text_append_character(out, '\\');
        text_append_character(out, *text);
    }
}

static void append_sample(struct text *out, const struct family *family, const struct sample *sample) {
    text_append(out, family->name);
    for (const char *const *label = sample->labels; *label; label += 2) {
        text_append_character(out, label == sample->labels ? '{' : ',');
        text_append(out, label[0]);
        text_append(out, "=\"");
        append_escaped(out, label[1], true);
        text_append_character(out, '"');
    }
    char number[NUMBER_TEXT_MAX];
    print_number(sample->value, number);
    text_append_format(out, "%s %s\n", *sample->labels ? "}" : "", number);
}

void metrics_append_prometheus(struct text *out, const struct metrics *metrics) {
    for (const struct family *family = metrics->first; family; family = family->next) {
        text_append_format(out, "# HELP %s ", family->name);
        append_escaped(out, family->help, false);
        text_append_format(out, "\n# TYPE %s %s\n", family->name, kind_texts[family->kind]);
        for (const struct sample *sample = family->first; sample; sample = sample->next)
            append_sample(out, family, sample);
    }
}
