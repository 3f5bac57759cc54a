/* Doubly linked lists whose links stand inside the things they link. */
#ifndef RINGPOST_BASE_LIST_H
#define RINGPOST_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A link of a thing, or the head of a list. A link that is zeroed or removed is on no list. */
struct list {
    struct list *prev, *next;
};

/* The thing whose member `member` is the link `link`. */
#define list_entry(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list *head)
{
    head->prev = head->next = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline bool list_is_linked(const struct list *link)
{
    return link->next != NULL;
}

static inline void list_insert_before(struct list *at, struct list *link)
{
    link->prev = at->prev;
    link->next = at;
    at->prev->next = link;
    at->prev = link;
}

static inline void list_push_back(struct list *head, struct list *link)
{
    list_insert_before(head, link);
}

static inline void list_push_front(struct list *head, struct list *link)
{
    list_insert_before(head->next, link);
}

/* Does nothing with a link that is on no list. */
static inline void list_remove(struct list *link)
{
    if (!list_is_linked(link))
        return;
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->prev = link->next = NULL;
}

/* Takes the first link off, or returns NULL. */
static inline struct list *list_pop_front(struct list *head)
{
    struct list *link = head->next;
    if (link == head)
        return NULL;
    list_remove(link);
    return link;
}

#endif
