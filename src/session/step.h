/* Steps: what came of looking at a session's input once. */
#ifndef RINGPOST_SESSION_STEP_H
#define RINGPOST_SESSION_STEP_H

enum step {
    STEP_MORE,    /* there is nothing whole in it */
    STEP_DONE,    /* something was taken, and is done with */
    STEP_COMMAND, /* something was taken, and a command made of it */
};

#endif
