/* cmocka, and the headers it wants before it. */
#ifndef RINGPOST_TESTS_UNIT_CHECK_H
#define RINGPOST_TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
