/* SPDX-License-Identifier: BSD-3-Clause
 * Includes h2o, configured for the event loop that we link with. */
#ifndef SERVICES_GATEWAY_HTTP_H2O_ALL_H
#define SERVICES_GATEWAY_HTTP_H2O_ALL_H

#define H2O_USE_LIBUV 0
#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>

#endif
