// insula cert: certificates to begin with.
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/option_checks.h"
#include "cli/output.h"
#include "platform/crypto/self_signed.h"
#include "platform/fs/private_file.h"

namespace insula::cli {

namespace {

struct CertOptions {
    std::vector<std::string> hosts;
    int days = 365;
    std::string out;
};

Status make_directory(const std::string& path) {
    constexpr mode_t kOwnerOnly = 0700;
    if (::mkdir(path.c_str(), kOwnerOnly) == 0 || errno == EEXIST) return {};
    return fail(Error(
        Code::failed_precondition, "cannot_write_output",
        "The folder " + path + " cannot be made: " + std::generic_category().message(errno) + "."));
}

Status write_new(const std::string& path, std::string_view content) {
    Status written = create_private_file(path, content);
    if (written) return {};
    if (written.error().code() == Code::already_exists) {
        return fail(Error(Code::already_exists, "cannot_write_output",
                          path + " is there already, and is not replaced.")
                        .with_hint("Name another folder, or move it away first."));
    }
    return fail(
        Error(Code::failed_precondition, "cannot_write_output", path + " cannot be written.")
            .with_detail(written.error().detail()));
}

Status run_self_signed(const CertOptions& options) {
    std::vector<std::string> hosts = options.hosts;
    if (hosts.empty()) hosts = {"localhost", "127.0.0.1", "::1"};
    const auto made = crypto::make_self_signed({.hosts = hosts, .days = options.days});
    if (!made && made.error().code() == Code::invalid_argument) {
        return fail(usage_error(std::string(made.error().message())));
    }
    if (!made) return fail(made.error());
    const std::string certificate = options.out + "/cert.pem";
    const std::string key = options.out + "/key.pem";
    RETURN_IF_ERROR(make_directory(options.out));
    // The key first: a certificate without its key helps nobody.
    RETURN_IF_ERROR(write_new(key, made->private_key));
    if (Status written = write_new(certificate, made->certificate); !written) {
        std::remove(key.c_str());  // it is ours, and new
        return written;
    }
    // It is for everybody to read.
    constexpr mode_t kReadable = 0644;
    if (::chmod(certificate.c_str(), kReadable) != 0) {
        return fail(Error(Code::failed_precondition, "cannot_write_output",
                          certificate + " cannot be made readable for others."));
    }
    RETURN_IF_ERROR(print_line(certificate));
    RETURN_IF_ERROR(print_line(key));
    remark("Servers take both (--cert-file, --key-file), clients the certificate (--ca-file).");
    return flush_output();
}

}  // namespace

void add_cert(CLI::App& root, Action& action) {
    CLI::App* cert = root.add_subcommand("cert", "Make certificates for TLS");
    cert->require_subcommand(1);
    CLI::App* command = cert->add_subcommand(
        "self-signed", "Make a certificate that vouches for itself, and its key");
    auto options = std::make_shared<CertOptions>();
    command
        ->add_option("--host", options->hosts,
                     "a name or address that clients call the server by; may be repeated (default "
                     "localhost, 127.0.0.1 and ::1)")
        ->check(refuse_empty)
        ->type_name("NAME");
    command->add_option("--days", options->days, "how long it holds, 1 to 3650 (default 365)")
        ->check(refuse_no_whole_number)
        ->type_name("N");
    command->add_option("--out", options->out, "folder for cert.pem and key.pem")
        ->required()
        ->check(refuse_empty)
        ->type_name("DIR");
    command->footer(
        "Examples:\n"
        "  insula cert self-signed --out tls\n"
        "  insula cert self-signed --host data.example.org --host 192.0.2.7 --days 90 --out tls\n"
        "  insula serve --host 0.0.0.0 --cert-file tls/cert.pem --key-file tls/key.pem\n"
        "\n"
        "Exit codes: 0 ok, 1 failure, 2 wrong arguments.");
    command->callback([options, &action] {
        action = [options] {
            const Status done = run_self_signed(*options);
            return done ? static_cast<int>(ExitCode::ok) : report_to_client(done.error());
        };
    });
}

}  // namespace insula::cli
