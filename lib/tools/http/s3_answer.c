/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/http/s3_answer.h"

#include <expat.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/array.h"
#include "lib/base/text.h"

enum { DEPTH_MAX = 8 };

/* The parser's state: the current path, and the text since the last tag. */
struct reading {
    XML_Parser parser;
    struct text path; /* "/ListBucketResult/Contents/Key" */
    size_t depth;
    struct text content;
    void (*take)(void *context, const char *path, const char *content); /* called at the end of each element */
    void *context;
};

static void start_element(void *context, const char *name, const char **attributes) {
    (void)attributes;
    struct reading *reading = context;
    text_append_format(&reading->path, "/%s", name);
    text_clear(&reading->content);
    if (++reading->depth > DEPTH_MAX) XML_StopParser(reading->parser, XML_FALSE);
}

static void end_element(void *context, const char *name) {
    struct reading *reading = context;
    reading->take(reading->context, text_view(&reading->path), text_view(&reading->content));
    reading->path.length -= strlen(name) + 1;
    reading->path.bytes[reading->path.length] = '\0';
    reading->depth--;
    text_clear(&reading->content);
}

static void add_content(void *context, const char *bytes, int length) {
    struct reading *reading = context;
    text_append_bytes(&reading->content, bytes, (size_t)length);
}

static void refuse_document_type(void *context, const char *name, const char *system, const char *public, int has_subset) {
    (void)name, (void)system, (void)public, (void)has_subset;
    struct reading *reading = context;
    XML_StopParser(reading->parser, XML_FALSE);
}

/* False: not well-formed, or refused. */
static bool read_document(const char *bytes, size_t length, void (*take)(void *, const char *, const char *), void *context) {
    if (length > INT_MAX) return false;
    struct reading reading = {.parser = XML_ParserCreate(NULL), .take = take, .context = context};
    if (!reading.parser) return false;
    XML_SetUserData(reading.parser, &reading);
    XML_SetElementHandler(reading.parser, start_element, end_element);
    XML_SetCharacterDataHandler(reading.parser, add_content);
    XML_SetStartDoctypeDeclHandler(reading.parser, refuse_document_type);
    bool is_read = XML_Parse(reading.parser, bytes, (int)length, XML_TRUE) == XML_STATUS_OK;
    XML_ParserFree(reading.parser);
    text_release(&reading.path);
    text_release(&reading.content);
    return is_read;
}

/* ---- Errors ---- */

static void copy_line(char *out, size_t size, const char *content) {
    size_t length = 0;
    for (; content[length] && length < size - 1; length++)
        out[length] = (unsigned char)content[length] < ' ' || content[length] == 0x7f ? ' ' : content[length];
    while (length > 0 && content[length] && ((unsigned char)content[length] & 0xc0) == 0x80)
        length--; /* not within a UTF-8 character */
    out[length] = '\0';
}

static void take_error(void *context, const char *path, const char *content) {
    struct s3_error *error = context;
    if (strcmp(path, "/Error/Code") == 0) copy_line(error->code, sizeof error->code, content);
    if (strcmp(path, "/Error/Message") == 0) copy_line(error->message, sizeof error->message, content);
}

void s3_answer_read_error(struct s3_error *out, const char *bytes, size_t length) {
    *out = (struct s3_error){0};
    if (!read_document(bytes, length, take_error, out)) *out = (struct s3_error){0};
}

/* ---- Lists ---- */

struct page_reading {
    struct s3_page *page;
    struct arena *arena;
    size_t capacity;
    bool is_list, is_truncated;
};

static void add_name(struct page_reading *reading, const char *name) {
    struct s3_page *page = reading->page;
    page->names = array_grow_in(reading->arena, page->names, page->count, &reading->capacity, sizeof *page->names);
    page->names[page->count++] = arena_copy(reading->arena, name);
}

static void take_page(void *context, const char *path, const char *content) {
    struct page_reading *reading = context;
    if (strcmp(path, "/ListBucketResult") == 0) reading->is_list = true;
    if (strcmp(path, "/ListBucketResult/Contents/Key") == 0) add_name(reading, content);
    if (strcmp(path, "/ListBucketResult/IsTruncated") == 0) reading->is_truncated = strcmp(content, "true") == 0;
    if (strcmp(path, "/ListBucketResult/NextContinuationToken") == 0)
        reading->page->continuation = arena_copy(reading->arena, content);
}

enum status s3_answer_read_page(struct s3_page *out, const char *bytes, size_t length, struct arena *arena, struct error *err) {
    *out = (struct s3_page){0};
    struct page_reading reading = {.page = out, .arena = arena};
    if (!read_document(bytes, length, take_page, &reading) || !reading.is_list)
        return error_set(err, STATUS_UNAVAILABLE, "The answer is not an S3 list of objects.");
    if (!reading.is_truncated) out->continuation = NULL;
    if (reading.is_truncated && !out->continuation)
        return error_set(err, STATUS_UNAVAILABLE, "The list of objects is cut, but the answer has no continuation token.");
    return STATUS_OK;
}
