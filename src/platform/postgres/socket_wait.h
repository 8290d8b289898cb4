// Waiting for a socket that a library owns.
#pragma once

#include "platform/runtime/deadline.h"

namespace insula::postgres {

enum class Wait : unsigned char { readable, writable, either };

// False at the deadline, or where there is no socket. An error on the socket counts as ready: the
// next call on it tells.
bool wait_for_socket(int socket, Wait wait, Deadline deadline);
// Whether the peer has closed the connection, or something is there to be read.
struct SocketState {
    bool readable = false;
    bool closed = false;
};
SocketState state_of_socket(int socket);

}  // namespace insula::postgres
