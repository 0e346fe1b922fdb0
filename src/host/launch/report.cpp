#include "host/launch/report.hpp"

#include <unistd.h>

#include <cstdio>

namespace equus::launcher {

namespace {

std::string counted(std::uint32_t incarnations) {
    return std::to_string(incarnations) + (incarnations == 1 ? " incarnation" : " incarnations");
}

std::string bar(std::uint32_t done, std::uint32_t total) {
    constexpr std::uint32_t width = 24;
    const std::uint32_t filled = done >= total ? width : width * done / total;
    return "[" + std::string(filled, '#') + std::string(width - filled, '.') + "] " +
           std::to_string(done) + "/" + std::to_string(total);
}

} // namespace

run_report::run_report(bool quiet) : quiet_{quiet}, terminal_{::isatty(STDERR_FILENO) == 1} {}

run_report::~run_report() {
    clear();
}

void run_report::clear() {
    if (shown_.empty())
        return;
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
    shown_.clear();
}

void run_report::say(const std::string& line) {
    if (quiet_)
        return;
    const std::string before = shown_;
    clear();
    std::fprintf(stderr, "%s\n", line.c_str());
    if (!before.empty())
        show(before);
}

void run_report::show(const std::string& line) {
    if (quiet_ || !terminal_ || line == shown_)
        return;
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    std::fflush(stderr);
    shown_ = line;
}

void run_report::print(const std::string& text) {
    const std::string before = shown_;
    clear();
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    if (!before.empty())
        show(before);
}

void run_report::note(const launching::progress& what) {
    using kind = launching::progress_kind;
    switch (what.kind) {
    case kind::node_ready:
        show(what.done > what.total ? "running: node " + what.name + " has joined"
                                    : "nodes        " + bar(what.done, what.total));
        break;
    case kind::creating:
        show("incarnations " + bar(what.done, what.total));
        break;
    case kind::running:
        say("running: " + counted(what.total));
        show("running");
        break;
    case kind::created:
        show("running: " + what.name + " created");
        break;
    case kind::ended:
        show("running: " + what.name + " has ended");
        break;
    case kind::failed:
        say("failed: " + what.name + ": " +
            (what.text.empty() ? std::string{text_of(what.reason)} : what.text));
        break;
    case kind::node_silent:
        say("silent: node " + what.name + "; it may come back");
        break;
    case kind::node_lost:
        say("lost: node " + what.name + ", with " + counted(what.done));
        break;
    case kind::node_left:
        if (what.done != 0)
            say("withdrawn: node " + what.name + ", with " + counted(what.done) + " on it");
        break;
    case kind::node_free:
    case kind::node_kept:
    case kind::nodes_wanted:
    case kind::finished:
        break;
    }
}

} // namespace equus::launcher
