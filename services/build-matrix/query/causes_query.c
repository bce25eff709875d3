/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers what is in the way of the packages that do not build with a compiler (lib/domain/matrix/matrix_causes.h).
 */
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/matrix_causes.h"
#include "lib/domain/matrix/supported_compilers.h"
#include "lib/service/message/message_json.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/query/matrix_book.h"
#include "services/build-matrix/query/matrix_query.h"

enum { STOPPED_MAX = 100 }; /* that are named of one cause */

static void write_version(struct json_writer *writer, const char *key, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    json_writer_text_field(writer, key, text);
}

static void write_cause(struct json_writer *writer, const struct matrix_page *page, size_t compiler,
                        const struct matrix_cause *cause) {
    const struct whole_matrix *matrix = page->matrix;
    const char *name = whole_matrix_package_of(matrix, cause->row)->name;
    const struct build_note *note =
        build_notes_find(page->notes, name, matrix->versions[cause->row], matrix->compilers[compiler]);
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", name);
    write_version(writer, "version", matrix->versions[cause->row]);
    json_writer_text_field(writer, "state", cell_state_text(whole_matrix_cell(matrix, cause->row, compiler)));
    if (note) json_writer_text_field(writer, "jobId", note->job_id);
    json_writer_integer_field(writer, "count", (int64_t)cause->stopped_count);
    json_writer_key(writer, "stops");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < cause->stopped_count && i < STOPPED_MAX; i++) {
        json_writer_item(writer);
        json_writer_text(writer, whole_matrix_package_of(matrix, cause->stopped[i])->name);
    }
    json_writer_close(writer, ']');
    json_writer_close(writer, '}');
}

static enum status read_compiler(size_t *out, const struct whole_matrix *matrix, const char *text, struct error *err) {
    struct version compiler;
    *out = matrix->compiler_count - 1;
    if (text && version_parse(&compiler, text, err)) return error_under(err, "compiler");
    if (text) *out = whole_matrix_compiler(matrix, compiler);
    if (!text && matrix->compiler_count > 0) return STATUS_OK;
    if (!text) return error_set_at(err, STATUS_REFUSED, "compiler", "No compiler is supported yet.");
    return supported_compilers_check(matrix->compilers, matrix->compiler_count, compiler, err);
}

static void write_causes(struct text *json, struct matrix_service *service, const struct matrix_page *page, size_t compiler,
                         struct arena *arena) {
    struct json_writer writer = {.out = json};
    struct matrix_causes causes;
    matrix_causes_find(&causes, page->matrix, registry_view_lock(service->repositories.view), compiler, arena);
    registry_view_unlock(service->repositories.view);
    json_writer_open(&writer, '{');
    write_version(&writer, "compiler", page->matrix->compilers[compiler]);
    json_writer_key(&writer, "causes");
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < causes.count; i++)
        write_cause(&writer, page, compiler, &causes.items[i]);
    json_writer_close(&writer, ']');
    json_writer_close(&writer, '}');
}

enum status answer_matrix_causes_query(void *context, const struct message *request, struct arena *arena,
                                       struct message *answer, struct error *err) {
    struct matrix_service *service = context;
    struct matrix_page page;
    struct text json = {0};
    size_t compiler;
    enum status status = matrix_book_open(service->book, &page, err);
    if (status) return status;
    status = read_compiler(&compiler, page.matrix, request->matrix_causes_query.compiler, err);
    if (!status) write_causes(&json, service, &page, compiler, arena);
    matrix_book_close(service->book);
    if (!status) message_take_json(answer, &json, arena);
    return status;
}
