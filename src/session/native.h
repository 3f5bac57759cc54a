/* The native protocol's words: frames to commands, effects to frames. Source: docs/PROTOCOL.md. */
#ifndef RINGPOST_SESSION_NATIVE_H
#define RINGPOST_SESSION_NATIVE_H

#include "session/session.h"

/* The largest frame that the session takes now. */
uint32_t native_frame_max(const struct session *session);

/* Cuts what is to be looked at together off the front of `in`: a run of messages, or one other
 * frame. Returns as run_cut does. */
int native_cut(const struct session *session, struct bytes in, struct run *run);

/* Makes a command of a run, which it numbers; false when there is nothing for the engine to do: it
 * was hello, or was refused. */
bool native_command(struct session *session, const struct run *run, struct command *command);

/* Numbers a frame that is not looked at, and refuses it. */
void native_refuse(struct session *session, enum status status);

/* Says why the connection ends, and ends it. */
void native_fail(struct session *session, enum status status);

#endif
