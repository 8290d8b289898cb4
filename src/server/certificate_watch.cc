#include "server/certificate_watch.h"

#include <pthread.h>

#include "platform/runtime/log.h"

namespace insula::server {

namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kWarnDays = 14;

}  // namespace

void CertificateWatch::start() {
    const net::TlsCertificate shown = tls_.certificate();
    log::info("TLS is served", {{"subject", shown.subject}, {"valid_to", shown.valid_to}});
    if (shown.key_exposed) {
        log::warn("others than its owner may read the file of the certificate's key",
                  {{"file", tls_.options().key_file}, {"remedy", "chmod 600"}});
    }
    warn_of_end();
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "certificates");
        run();
    });
}

void CertificateWatch::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    stopped_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void CertificateWatch::run() {
    std::unique_lock lock(mutex_);
    while (!stopped_.wait_for(lock, interval_, [this] { return stopping_; })) {
        lock.unlock();
        look();
        warn_of_end();
        lock.lock();
    }
}

void CertificateWatch::look() {
    const auto changed = tls_.reload_if_changed();
    if (!changed) {
        ++failures_;
        log::error("a changed certificate cannot be used; the one before is shown",
                   {{"error", changed.error().describe()}});
    } else if (*changed == net::TlsServer::Change::reloaded) {
        ++reloads_;
        warned_on_day_ = -1;
        const net::TlsCertificate shown = tls_.certificate();
        log::info("a changed certificate is shown from now on",
                  {{"subject", shown.subject}, {"valid_to", shown.valid_to}});
    }
}

void CertificateWatch::warn_of_end() {
    const int64_t now = clock_.wall_now() / kNanosPerSecond;
    const int64_t left = tls_.certificate().valid_to - now;
    const int64_t today = now / kSecondsPerDay;
    if (left > kWarnDays * kSecondsPerDay || warned_on_day_ == today) return;
    warned_on_day_ = today;
    if (left < 0) {
        log::error("the certificate has expired: clients that verify it do not connect",
                   {{"file", tls_.options().cert_file}});
    } else {
        log::warn("the certificate expires soon",
                  {{"file", tls_.options().cert_file}, {"days", left / kSecondsPerDay}});
    }
}

}  // namespace insula::server
