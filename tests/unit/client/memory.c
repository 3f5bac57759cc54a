#include "memory.h"

#include <errno.h>
#include <netdb.h>

static unsigned long count, fail_at;
static size_t live;
static bool has_failed;

void memory_fail(unsigned long number)
{
    count = 0;
    fail_at = number;
    has_failed = false;
}

bool memory_has_failed(void)
{
    return has_failed;
}

size_t memory_live(void)
{
    return live;
}

static bool is_refused(void)
{
    if (++count != fail_at)
        return false;
    has_failed = true;
    errno = ENOMEM;
    return true;
}

static void *note(void *memory)
{
    live += memory != NULL;
    return memory;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t number, size_t size);
void *__wrap_reallocarray(void *memory, size_t number, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);
int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **found);
void __real_freeaddrinfo(struct addrinfo *found);
void __wrap_freeaddrinfo(struct addrinfo *found);

void *__wrap_malloc(size_t size)
{
    return is_refused() ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t number, size_t size)
{
    return is_refused() ? NULL : note(__real_calloc(number, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (is_refused())
        return NULL;
    live -= memory != NULL;
    return note(__real_realloc(memory, size));
}

void *__wrap_reallocarray(void *memory, size_t number, size_t size)
{
    if (is_refused())
        return NULL;
    live -= memory != NULL;
    return note(__real_reallocarray(memory, number, size));
}

void __wrap_free(void *memory)
{
    live -= memory != NULL;
    __real_free(memory);
}

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **found)
{
    int error = is_refused() ? EAI_MEMORY : __real_getaddrinfo(host, port, hints, found);
    live += error == 0;
    return error;
}

void __wrap_freeaddrinfo(struct addrinfo *found)
{
    live--;
    __real_freeaddrinfo(found);
}
