/* What the broker tells its operator: lines on standard error. */
#ifndef RINGPOST_SERVER_LOG_H
#define RINGPOST_SERVER_LOG_H

__attribute__((format(printf, 1, 2))) void log_line(const char *format, ...);

#endif
