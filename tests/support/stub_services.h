/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: stand-ins for all services behind a gateway, in the test's process, which listen at the addresses of its settings.
 * They answer each kind of request with the same text until told otherwise, remember the requests, and can hold them. At first
 * a service is ready, has no metrics, and answers everything else with `done`. Any thread.
 */
#ifndef TESTS_SUPPORT_STUB_SERVICES_H
#define TESTS_SUPPORT_STUB_SERVICES_H

#include "lib/base/settings.h"
#include "proto/message.h"

struct stub_services;

struct stub_services *stub_services_start(const struct settings *settings);
void stub_services_stop(struct stub_services *stub); /* answers requests that are held; NULL is fine */

/* Stops one of the services for good. */
void stub_services_close(struct stub_services *stub, enum service service);

/* The answer to further requests with this tag, of all services; its texts and records are borrowed. */
void stub_services_answer(struct stub_services *stub, enum message_tag request, struct message answer);
void stub_services_answer_json(struct stub_services *stub, enum message_tag request, const char *json);
void stub_services_fail(struct stub_services *stub, enum message_tag request, enum status status, const char *path,
                        const char *text);

/* Holds the answers to requests with this tag, or releases them. */
void stub_services_hold(struct stub_services *stub, enum message_tag request, bool is_held);

/* The number of requests with this tag so far; waits until there are `count`, or fails the test. */
int stub_services_count(struct stub_services *stub, enum message_tag request);
void stub_services_await(struct stub_services *stub, enum message_tag request, int count);

/* The newest of these requests, and the service that got it; valid until the end. */
const struct message *stub_services_last(struct stub_services *stub, enum message_tag request, enum service *service);

#endif
