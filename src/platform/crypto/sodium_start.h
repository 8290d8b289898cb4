// libsodium wants to be started before it is used. Internal to this folder.
#pragma once

namespace insula::crypto {

// Once for the process, whoever comes first. Thread-safe.
void start_sodium();

}  // namespace insula::crypto
