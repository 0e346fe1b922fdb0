#include "print_server.hpp"

#include "ipp_queue.hpp"

#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>

namespace doc::test {

namespace {

constexpr const char* daemon_path = "/usr/sbin/cupsd";
constexpr const char* parts_path = "/usr/lib/cups";

/// Who the server runs as: not root.
struct account {
    uid_t user = ::getuid();
    gid_t group = ::getgid();
};
account unprivileged() {
    account who;
    if (who.user != 0)
        return who;
    const passwd* found = ::getpwnam("lp"); // Debian's user of printing
    REQUIRE(found != nullptr);
    return {found->pw_uid, found->pw_gid};
}

void write(const fs::path& path, const std::string& text, mode_t mode = 0644) {
    std::ofstream{path, std::ios::binary} << text;
    REQUIRE(::chmod(path.c_str(), mode) == 0);
}

std::string read(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

/// The back-end. Its arguments are job, user, title, copies, options and, of a raw queue, a file.
/// A file appears under its name only when it is whole.
constexpr const char* recorder = R"(#!/bin/sh
[ $# -ge 5 ] || { echo 'direct recorder "Unknown" "recorder"'; exit 0; }
to=${DEVICE_URI#recorder:}/$1
case " $3 " in
*" jam "*) echo "ERROR: paper jam" >&2; exit 1 ;;
esac
printf '%s' "$3" > "$to.title"
if [ $# -ge 6 ]; then cat "$6" > "$to.part"; else cat > "$to.part"; fi
mv "$to.part" "$to.job"
)";

std::string printer(const std::string& name, const std::string& device, const std::string& more) {
    return "<Printer " + name + ">\nDeviceURI recorder:" + device +
           "\nState Idle\nShared No\nJobSheets none none\n" + more + "</Printer>\n";
}

} // namespace

std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    ::close(fd);
    return ntohs(at.sin_port);
}

print_server::print_server() {
    INFO("scripts/setup installs cups-daemon");
    REQUIRE(::access(daemon_path, X_OK) == 0);
    std::string pattern = (fs::temp_directory_path() / "equus-cups-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    bool up = false;
    for (int attempt = 0; attempt < 5 && !up; ++attempt)
        up = start(free_port()); // somebody else may have taken it meanwhile
    INFO(log());
    REQUIRE(up);
}

print_server::~print_server() {
    stop();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

std::string print_server::queue(const std::string& name, std::uint16_t port) {
    return "ipp://127.0.0.1:" + std::to_string(port) + "/printers/" + name;
}

std::string print_server::log() const {
    return read(folder_ / "log/error") + read(folder_ / "log/output");
}

void print_server::configure(std::uint16_t port) {
    for (const char* name : {"bin/backend", "etc", "spool/tmp", "state", "cache", "log", "paper"})
        fs::create_directories(folder_ / name);
    for (const char* name : {"daemon", "notifier"})
        if (!fs::exists(folder_ / "bin" / name))
            fs::create_directory_symlink(fs::path{parts_path} / name, folder_ / "bin" / name);
    write(folder_ / "bin/backend/recorder", recorder, 0755);

    const account who = unprivileged();
    const std::string user = ::getpwuid(who.user)->pw_name;
    const std::string group = ::getgrgid(who.group)->gr_name;
    const std::string here = folder_.string();
    const auto limits = [](const char* name, const char* printing) {
        return std::string{"<Policy "} + name + ">\n<Limit Create-Job Print-Job>\n" + printing +
               "Order deny,allow\n</Limit>\n"
               "<Limit Release-Job Hold-Job Cancel-Job Send-Document>\n"
               "Require user @OWNER @SYSTEM\nOrder deny,allow\n</Limit>\n"
               "<Limit All>\nOrder deny,allow\n</Limit>\n</Policy>\n";
    };
    write(folder_ / "etc/cupsd.conf",
          "Listen 127.0.0.1:" + std::to_string(port) +
              "\nLogLevel info\nMaxLogSize 0\nBrowsing No\nWebInterface No\nPrintcap " +
              folder_.string() +
              "/state/printcap\n"
              "DefaultAuthType Basic\n<Location />\nOrder allow,deny\n</Location>\n" +
              limits("default", "") + limits("guarded", "AuthType Basic\nRequire valid-user\n"));
    write(folder_ / "etc/cups-files.conf",
          "User " + user + "\nGroup " + group + "\nSystemGroup " + group + "\nServerRoot " + here +
              "/etc\nServerBin " + here + "/bin\nDataDir /usr/share/cups\nRequestRoot " + here +
              "/spool\nTempDir " + here + "/spool/tmp\nStateDir " + here + "/state\nCacheDir " +
              here + "/cache\nErrorLog " + here + "/log/error\nAccessLog " + here +
              "/log/access\nPageLog " + here + "/log/page\n");
    const std::string paper = here + "/paper";
    write(
        folder_ / "etc/printers.conf",
        printer("press", paper, "Accepting Yes\nErrorPolicy abort-job\nOpPolicy default\n") +
            printer("brittle", paper,
                    "Accepting Yes\nErrorPolicy stop-printer\nOpPolicy default\n") +
            printer("closed", paper, "Accepting No\nErrorPolicy abort-job\nOpPolicy default\n") +
            printer("guarded", paper, "Accepting Yes\nErrorPolicy abort-job\nOpPolicy guarded\n"));
    if (::getuid() != 0)
        return;
    REQUIRE(::chown(folder_.c_str(), who.user, who.group) == 0);
    for (const auto& each : fs::recursive_directory_iterator{folder_})
        REQUIRE(::lchown(each.path().c_str(), who.user, who.group) == 0);
}

bool print_server::start(std::uint16_t port) {
    configure(port);
    const account who = unprivileged();
    const std::string main = (folder_ / "etc/cupsd.conf").string();
    const std::string files = (folder_ / "etc/cups-files.conf").string();
    const std::string output = (folder_ / "log/output").string();
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
        if (::getuid() == 0 && (::setgroups(1, &who.group) != 0 || ::setgid(who.group) != 0 ||
                                ::setuid(who.user) != 0))
            ::_exit(125);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!std::freopen(output.c_str(), "w", stdout) || ::dup2(1, 2) != 2)
            ::_exit(126);
        ::execl(daemon_path, daemon_path, "-f", "-c", main.c_str(), "-s", files.c_str(), nullptr);
        ::_exit(127);
    }
    port_ = port;
    look_at_queue question;
    question.queue = queue("press");
    question.key = "nobody";
    bool gone = false;
    const bool up = equus::test::wait_until([&] {
        gone = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
        return gone || look_at(question).has_value();
    });
    if (gone)
        pid_ = 0;
    return up && !gone;
}

void print_server::stop() {
    if (pid_ <= 0)
        return;
    ::kill(pid_, SIGTERM);
    const bool ended =
        equus::test::wait_until([&] { return ::waitpid(pid_, nullptr, WNOHANG) == pid_; });
    if (!ended) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    pid_ = 0;
}

std::vector<print_server::sheet> print_server::received() const {
    std::map<long, sheet> found;
    for (const auto& each : fs::directory_iterator{folder_ / "paper"})
        if (each.path().extension() == ".job") {
            fs::path title = each.path();
            title.replace_extension(".title");
            found[std::stol(each.path().stem())] = {read(title), read(each.path())};
        }
    std::vector<sheet> out;
    for (auto& [number, what] : found)
        out.push_back(std::move(what));
    return out;
}

std::map<std::string, int> print_server::put_into(const std::string& folder) const {
    std::map<std::string, int> times;
    for (const sheet& each : received()) {
        const auto space = each.title.find(' ');
        REQUIRE(space != std::string::npos);
        const std::string name = each.title.substr(space + 1);
        ++times[name];
        const fs::path path = fs::path{folder} / (name + ".pdf");
        fs::create_directories(path.parent_path());
        std::ofstream{path, std::ios::binary} << each.bytes;
    }
    return times;
}

} // namespace doc::test
