// CertificateWatch: looks at the files of the certificate from time to time, has changed ones
// taken, and says in the log what an operator has to know of them. start() and stop() are called
// from one thread; the rest from any.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "platform/net/tls.h"
#include "platform/runtime/clock.h"

namespace insula::server {

class CertificateWatch {
  public:
    // Both outlive it.
    CertificateWatch(net::TlsServer& tls, Clock& clock, std::chrono::nanoseconds interval)
        : tls_(tls), clock_(clock), interval_(interval) {}
    ~CertificateWatch() { stop(); }
    CertificateWatch(const CertificateWatch&) = delete;
    CertificateWatch& operator=(const CertificateWatch&) = delete;

    void start();
    void stop();

    net::TlsCertificate certificate() const { return tls_.certificate(); }
    uint64_t reloads() const { return reloads_.load(); }
    uint64_t failures() const { return failures_.load(); }

  private:
    void run();
    void look();
    // Once for each certificate and day.
    void warn_of_end();

    net::TlsServer& tls_;
    Clock& clock_;
    const std::chrono::nanoseconds interval_;
    std::atomic<uint64_t> reloads_{0};
    std::atomic<uint64_t> failures_{0};
    int64_t warned_on_day_ = -1;

    std::mutex mutex_;
    std::condition_variable stopped_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace insula::server
