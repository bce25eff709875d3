/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For server_fixture.c alone: the content of a server's folder before any program starts.
 */
#ifndef TESTS_SUPPORT_SERVER_SERVER_FOLDER_H
#define TESTS_SUPPORT_SERVER_SERVER_FOLDER_H

#include "tests/support/server/server_fixture.h"

/* Makes server->folder, with the stand-ins for the compiler and licensee and the two repositories. server->programs is set. */
void server_folder_make(struct server *server, const struct server_options *options);

#endif
