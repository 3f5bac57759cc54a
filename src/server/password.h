/* The password that a hello must have. */
#ifndef RINGPOST_SERVER_PASSWORD_H
#define RINGPOST_SERVER_PASSWORD_H

#include <stddef.h>

enum { PASSWORD_SIZE_MAX = 1024 };

struct password {
    char data[PASSWORD_SIZE_MAX];
    size_t size; /* 0: none */
};

/* Reads the first line of a file that others may neither read nor write. Returns NULL, or what is
 * wrong. */
const char *password_load(struct password *password, const char *path);

#endif
