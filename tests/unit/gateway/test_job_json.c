/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "services/gateway/routes/job_json.h"

static struct log_line line = {.level = LOG_NOTICE, .message = "a \"b\"\nc", .time_ms = 1784992272686};
static const struct log_lines one_line = {.lines = &line, .count = 1};
static const struct log_lines no_lines = {0};

static void a_job_prints_byte_for_byte(void **state) {
    (void)state;
    struct text out = {0};
    const struct job job = {.id = "11111111-2222-4333-8444-555555555555",
                            .kind = JOB_KIND_PUBLISH,
                            .state = JOB_STATE_SUCCEEDED,
                            .created_ms = 1784992272000,
                            .started_ms = 1784992272001,
                            .finished_ms = 1784992273000,
                            .package = "aff",
                            .version = "1.0.0",
                            .payload = "{\"name\":\"aff\"}"};
    job_append_json(&out, &job, &one_line, true);
    assert_string_equal(
        text_view(&out),
        "{\"jobId\":\"11111111-2222-4333-8444-555555555555\",\"jobType\":\"publish\",\"createdAt\":\"2026-07-25T15:11:12."
        "000Z\","
        "\"startedAt\":\"2026-07-25T15:11:12.001Z\",\"finishedAt\":\"2026-07-25T15:11:13.000Z\",\"success\":true,"
        "\"disposition\":\"published\",\"packageName\":\"aff\",\"packageVersion\":\"1.0.0\",\"logs\":[{\"level\":\"NOTICE\","
        "\"message\":\"a \\\"b\\\"\\nc\","
        "\"jobId\":\"11111111-2222-4333-8444-555555555555\",\"timestamp\":\"2026-07-25T15:11:12.686Z\"}],"
        "\"payload\":{\"name\":\"aff\"}}");
    text_release(&out);
}

static void unknown_fields_are_left_out(void **state) {
    (void)state;
    struct text out = {0};
    const struct job job = {.id = "x", .kind = JOB_KIND_PACKAGE_SET, .created_ms = 1784992272000, .payload = "{}"};
    job_append_json(&out, &job, &no_lines, true);
    assert_string_equal(text_view(&out),
                        "{\"jobId\":\"x\",\"jobType\":\"packageset\",\"createdAt\":\"2026-07-25T15:11:12.000Z\","
                        "\"success\":false,\"logs\":[],\"payload\":{}}");
    text_clear(&out);
    job_append_status_json(&out, &job);
    assert_string_equal(text_view(&out), "{\"jobId\":\"x\",\"jobType\":\"packageset\",\"state\":\"pending\","
                                         "\"createdAt\":\"2026-07-25T15:11:12.000Z\"}");
    text_release(&out);
}

/* By names that are part of the API; other kinds have neither field. */
static void a_publication_that_has_ended_says_how(void **state) {
    (void)state;
    static const struct {
        enum job_kind kind;
        enum job_state state;
        const char *error, *ending;
        bool shows_end;
        const char *shown;
    } rows[] = {
        {JOB_KIND_PUBLISH, JOB_STATE_SUCCEEDED, NULL, JOB_ENDING_PUBLISHED, true, ",\"disposition\":\"published\""},
        {JOB_KIND_PUBLISH, JOB_STATE_SUCCEEDED, NULL, "already-published", true, ",\"disposition\":\"already-published\""},
        {JOB_KIND_PUBLISH, JOB_STATE_FAILED, "a \"b\"", NULL, true,
         ",\"error\":{\"code\":\"job-failed\",\"message\":\"a \\\"b\\\"\"}"},
        {JOB_KIND_PUBLISH, JOB_STATE_FAILED, "late", "job-timeout", true,
         ",\"error\":{\"code\":\"job-timeout\",\"message\":\"late\"}"},
        {JOB_KIND_PUBLISH, JOB_STATE_FAILED, "late", "job-timeout", false, ""},
        {JOB_KIND_PUBLISH, JOB_STATE_RUNNING, NULL, NULL, true, ""},
        {JOB_KIND_TRANSFER, JOB_STATE_FAILED, "no", NULL, true, ""},
        {JOB_KIND_TRANSFER, JOB_STATE_SUCCEEDED, NULL, NULL, true, ""},
        {JOB_KIND_MATRIX, JOB_STATE_FAILED, "late", "job-timeout", true, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text out = {0}, expected = {0};
        const struct job job = {
            .id = "x", .kind = rows[i].kind, .state = rows[i].state, .error = rows[i].error, .ending = rows[i].ending};
        job_append_json(&out, &job, &no_lines, rows[i].shows_end);
        text_append_format(&expected, "{\"jobId\":\"x\",\"jobType\":\"%s\",\"success\":%s%s,\"logs\":[],\"payload\":{}}",
                           job_kind_text(rows[i].kind), rows[i].state == JOB_STATE_SUCCEEDED ? "true" : "false", rows[i].shown);
        assert_string_equal(text_view(&out), text_view(&expected));
        text_release(&out);
        text_release(&expected);
    }
}

/* The job has succeeded, as intended, but the version cannot be downloaded. */
static void a_publication_under_readonly_is_not_called_published(void **state) {
    (void)state;
    static const char *const endings[] = {NULL, JOB_ENDING_PUBLISHED /* kept by earlier releases */};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct text out = {0};
        const struct job job = {
            .id = "x", .kind = JOB_KIND_PUBLISH, .state = JOB_STATE_SUCCEEDED, .ending = endings[i], .is_readonly = true};
        job_append_json(&out, &job, &no_lines, true);
        assert_string_equal(text_view(&out),
                            "{\"jobId\":\"x\",\"jobType\":\"publish\",\"success\":true,\"logs\":[],\"payload\":{}}");
        text_release(&out);
    }
}

/* Earlier releases accepted such payloads; if they are shown unchanged, clients refuse the whole list. */
static void a_null_in_a_signed_payload_is_never_shown(void **state) {
    (void)state;
    static const struct {
        const char *kept, *shown;
    } rows[] = {
        {"{\"payload\":\"{\\\"name\\\":\\\"a\\\",\\\"newLocation\\\":{\\\"gitUrl\\\":\\\"https://null/x\\\", "
         "\\\"subdir\\\":null}}\","
         "\"signature\":\"00\"}",
         "{\"payload\":\"{\\\"name\\\":\\\"a\\\",\\\"newLocation\\\":{\\\"gitUrl\\\":\\\"https://null/"
         "x\\\"}}\",\"signature\":\"00\"}"},
        {"{\"payload\":\"{\\\"more\\\":[null,{\\\"a\\\":null},1]}\",\"signature\":\"00\"}",
         "{\"payload\":\"{\\\"more\\\":[{},1]}\",\"signature\":\"00\"}"},
        {"{\"payload\":\"{ \\\"name\\\": \\\"null\\\" }\",\"signature\":\"00\"}", /* no null: the bytes are unchanged */
         "{\"payload\":\"{ \\\"name\\\": \\\"null\\\" }\",\"signature\":\"00\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text out = {0}, expected = {0};
        const struct job job = {.id = "x", .kind = JOB_KIND_TRANSFER, .created_ms = 1784992272000, .payload = rows[i].kept};
        job_append_json(&out, &job, &no_lines, true);
        text_append_format(&expected, ",\"payload\":%s}", rows[i].shown);
        assert_string_equal(strstr(text_view(&out), ",\"payload\":"), text_view(&expected));
        text_release(&out);
        text_release(&expected);
    }
}

static void a_proved_requester_is_shown(void **state) {
    (void)state;
    struct text out = {0};
    const struct job job = {.id = "x",
                            .kind = JOB_KIND_TRANSFER,
                            .created_ms = 1784992272000,
                            .actor = "a-trustee",
                            .credential = "PACCHETTIBOTTI_TOKEN",
                            .issue = "7",
                            .reason = "\"Why\"",
                            .retry_of = "y",
                            .commits = "index=11 registry=22",
                            .authority = JOB_AUTHORITY_TRUSTEE,
                            .payload = "{}"};
    job_append_json(&out, &job, &no_lines, true);
    assert_string_equal(text_view(&out),
                        "{\"jobId\":\"x\",\"jobType\":\"transfer\",\"createdAt\":\"2026-07-25T15:11:12.000Z\","
                        "\"success\":false,\"actor\":\"a-trustee\",\"credential\":\"PACCHETTIBOTTI_TOKEN\",\"issue\":7,"
                        "\"reason\":\"\\\"Why\\\"\",\"retryOf\":\"y\",\"commits\":[{\"repository\":\"index\","
                        "\"commit\":\"11\"},{\"repository\":\"registry\",\"commit\":\"22\"}],\"logs\":[],\"payload\":{}}");
    text_release(&out);
}

static void a_matrix_job_shows_what_was_found(void **state) {
    (void)state;
    struct text out = {0};
    struct job job = {.id = "x",
                      .kind = JOB_KIND_MATRIX,
                      .created_ms = 1784992272000,
                      .package = "aff",
                      .version = "1.0.0",
                      .compiler = "0.15.15",
                      .purpose = MATRIX_PURPOSE_WAVE,
                      .runner = "worker-1",
                      .payload = "{}"};
    static const char before[] = "{\"jobId\":\"x\",\"jobType\":\"matrix\",\"createdAt\":\"2026-07-25T15:11:12.000Z\","
                                 "\"success\":false,\"packageName\":\"aff\",\"packageVersion\":\"1.0.0\","
                                 "\"compilerVersion\":\"0.15.15\",\"purpose\":\"wave\",";
    job_append_json(&out, &job, &no_lines, true);
    assert_string_equal(text_view(&out) + sizeof before - 1, "\"runner\":\"worker-1\",\"logs\":[],\"payload\":{}}");
    static const struct {
        const char *result;
        const char *shown;
    } rows[] = {
        {NULL, ""},
        {"{}", ""},
        {"not JSON", ""},
        {"[1]", ""},
        {"{\"errors\":[],\"batch\":\"1\"}", ""},
        {"{\"compiled\":3,\"reused\":225,\"own\":4,\"compilerMs\":1234,\"ownMs\":12,\"batch\":16,\"other\":1,\"errors\":[]}",
         "\"build\":{\"compiled\":3,\"reused\":225,\"own\":4,\"compilerMs\":1234,\"ownMs\":12,\"batch\":16},"},
        {"{\"errors\": [{\"message\": \"a\\nb\", \"errorCode\": \"UnknownName\"}], \"compiled\": 0}",
         "\"errors\":[{\"message\":\"a\\nb\",\"errorCode\":\"UnknownName\"}],\"build\":{\"compiled\":0},"},
    };
    job.runner = NULL, job.verdict = "failed_to_compile";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text expected = {0};
        job.result = rows[i].result;
        text_append_format(&expected, "%s\"verdict\":\"failed_to_compile\",%s\"logs\":[],\"payload\":{}}", before,
                           rows[i].shown);
        text_clear(&out);
        job_append_json(&out, &job, &no_lines, true);
        assert_string_equal(text_view(&out), text_view(&expected));
        text_release(&expected);
    }
    job.kind = JOB_KIND_PUBLISH; /* other kinds show none of these fields */
    job.runner = "publish/host/1/0";
    text_clear(&out);
    job_append_json(&out, &job, &no_lines, true);
    assert_null(strstr(text_view(&out), "runner"));
    assert_null(strstr(text_view(&out), "verdict"));
    text_release(&out);
}

static void the_end_can_be_withheld(void **state) {
    (void)state;
    struct text out = {0};
    const struct job job = {.id = "x", .kind = JOB_KIND_TRANSFER, .state = JOB_STATE_FAILED, .finished_ms = 5, .payload = "{}"};
    job_append_json(&out, &job, &no_lines, false);
    assert_null(strstr(text_view(&out), "finishedAt"));
    text_release(&out);
}

static void lines_as_text_stay_lines(void **state) {
    (void)state;
    struct text out = {0};
    log_lines_append_text(&out, &one_line);
    assert_string_equal(text_view(&out), "2026-07-25T15:11:12.686Z NOTICE a \"b\"\n    c\n");
    text_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_prints_byte_for_byte),
        cmocka_unit_test(unknown_fields_are_left_out),
        cmocka_unit_test(a_publication_that_has_ended_says_how),
        cmocka_unit_test(a_publication_under_readonly_is_not_called_published),
        cmocka_unit_test(a_null_in_a_signed_payload_is_never_shown),
        cmocka_unit_test(a_proved_requester_is_shown),
        cmocka_unit_test(the_end_can_be_withheld),
        cmocka_unit_test(a_matrix_job_shows_what_was_found),
        cmocka_unit_test(lines_as_text_stay_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
