// Many seeds, in processes of their own: what an assertion or an endless loop ends is one process
// and one seed, and the campaign goes on.
#include "platform.hpp"

#include <equus/host/sim_scenario.hpp>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace equus::sim {

namespace {

seed_outcome run_one(const scenario& what, std::uint64_t seed, const campaign_options& options) {
    seed_options one;
    one.mutant = options.mutant;
    one.check_every = options.check_every;
    one.events_max = options.events_max;
    seed_outcome outcome = run_seed(what, seed, one);
    if (options.twice_every != 0 && seed % options.twice_every == 0) {
        outcome.compared = true;
        const seed_outcome again = run_seed(what, seed, one);
        if (again.hash != outcome.hash && outcome.passed())
            outcome.failure = "not repeatable: hash " + std::to_string(outcome.hash) + ", then " +
                              std::to_string(again.hash);
    }
    return outcome;
}

// ---- what a worker writes: 'S' and a seed when it starts one, 'R', a length and the outcome

void write_all(int to, const void* data, std::size_t size) {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t written = ::write(to, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            ::_exit(3); // nobody listens any more
        at += written;
        size -= static_cast<std::size_t>(written);
    }
}

[[noreturn]] void work(const scenario& what, const campaign_options& options, std::uint64_t first,
                       std::uint64_t stride, int to) {
    for (std::uint64_t seed = first; seed <= options.last; seed += stride) {
        write_all(to, "S", 1);
        write_all(to, &seed, sizeof seed);
        const auto body = encoded(run_one(what, seed, options));
        if (!body)
            ::_exit(4);
        const std::uint64_t size = body->size();
        write_all(to, "R", 1);
        write_all(to, &size, sizeof size);
        write_all(to, body->data(), body->size());
    }
    ::_exit(0);
}

struct worker {
    pid_t process = -1;
    int from = -1;
    std::FILE* said = nullptr; // its standard error
    std::string buffer;
    std::uint64_t next = 0; // the seed to begin with when it is started again
    bool busy = false;
    std::uint64_t seed = 0;
    time_point began;
};

class campaign {
public:
    campaign(const scenario& what, const campaign_options& options)
        : what_{what}, options_{options}, workers_(options.jobs) {}

    campaign_result run() {
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            workers_[i].next = options_.first + i;
            start(workers_[i]);
        }
        while (std::any_of(workers_.begin(), workers_.end(),
                           [](const worker& w) { return w.process > 0; }))
            listen();
        std::sort(result_.failures.begin(), result_.failures.end(),
                  [](const auto& a, const auto& b) { return a.seed < b.seed; });
        return std::move(result_);
    }

    campaign_result run_here() {
        for (std::uint64_t seed = options_.first; seed <= options_.last && !stopped_; ++seed)
            take(run_one(what_, seed, options_));
        return std::move(result_);
    }

private:
    void start(worker& w) {
        if (stopped_ || w.next > options_.last)
            return;
        int ends[2];
        if (::pipe(ends) != 0)
            return give_up(w, "pipe");
        w.said = std::tmpfile();
        std::fflush(nullptr);
        w.process = ::fork();
        if (w.process == 0) {
            // What the program does about its own end is not for its seeds.
            for (const int each : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGINT, SIGTERM})
                std::signal(each, SIG_DFL);
            ::close(ends[0]);
            if (w.said)
                ::dup2(::fileno(w.said), STDERR_FILENO);
            work(what_, options_, w.next, workers_.size(), ends[1]);
        }
        ::close(ends[1]);
        if (w.process < 0) {
            ::close(ends[0]);
            return give_up(w, "fork");
        }
        w.from = ends[0];
        w.buffer.clear();
        w.busy = false;
    }

    void give_up(worker& w, const char* call) {
        seed_outcome none;
        none.seed = w.next;
        none.failure = std::string{call} + ": " + std::strerror(errno);
        take(std::move(none));
    }

    void listen() {
        std::vector<pollfd> fds;
        std::vector<worker*> who;
        for (worker& w : workers_)
            if (w.process > 0) {
                fds.push_back({w.from, POLLIN, 0});
                who.push_back(&w);
            }
        ::poll(fds.data(), fds.size(), 200);
        for (std::size_t i = 0; i < fds.size(); ++i) {
            if (fds[i].revents != 0)
                read(*who[i]);
            worker& w = *who[i];
            if (w.process > 0 && (stopped_ || is_late(w))) {
                ::kill(w.process, SIGKILL);
                ended(w, stopped_
                             ? ""
                             : "does not end within " +
                                   std::to_string(options_.seed_max / std::chrono::seconds{1}) +
                                   " s of real time");
            }
        }
    }

    bool is_late(const worker& w) const {
        return w.busy && platform::now() - w.began > options_.seed_max;
    }

    void read(worker& w) {
        char chunk[65'536];
        const ssize_t got = ::read(w.from, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            return;
        if (got <= 0) {
            ended(w, "its process ended");
            return;
        }
        w.buffer.append(chunk, static_cast<std::size_t>(got));
        std::size_t at = 0;
        std::uint64_t number = 0;
        while (!stopped_ && w.buffer.size() - at >= 1 + sizeof number) {
            std::memcpy(&number, w.buffer.data() + at + 1, sizeof number);
            const std::size_t head = 1 + sizeof number;
            if (w.buffer[at] == 'S') {
                w.busy = true;
                w.seed = number;
                w.next = number + workers_.size();
                w.began = platform::now();
                at += head;
                continue;
            }
            if (w.buffer.size() - at < head + number)
                break;
            // The reader wants its words aligned.
            const bytes body{std::string_view{w.buffer}.substr(at + head, number)};
            at += head + number;
            w.busy = false;
            if (auto outcome = wire::decode<seed_outcome>(body.span()))
                take(std::move(*outcome));
        }
        w.buffer.erase(0, at);
    }

    void ended(worker& w, std::string why) {
        int status = 0;
        while (::waitpid(w.process, &status, 0) < 0 && errno == EINTR) {
        }
        ::close(w.from);
        w.process = -1;
        if (w.busy && !stopped_) {
            seed_outcome lost;
            lost.seed = w.seed;
            if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
                why += std::string{" by "} + ::strsignal(WTERMSIG(status));
            else if (WIFEXITED(status))
                why += " with exit code " + std::to_string(WEXITSTATUS(status));
            lost.failure = why + last_words(w);
            take(std::move(lost));
        }
        if (w.said)
            std::fclose(std::exchange(w.said, nullptr));
        if (w.busy) {
            w.busy = false;
            start(w);
        }
    }

    static std::string last_words(worker& w) {
        if (!w.said)
            return {};
        std::rewind(w.said);
        std::string text;
        char line[512];
        for (int lines = 0; lines < 12 && std::fgets(line, sizeof line, w.said); ++lines)
            text += std::string{"\n  "} + line;
        while (!text.empty() && text.back() == '\n')
            text.pop_back();
        return text;
    }

    void take(seed_outcome outcome) {
        result_.hashes_compared += outcome.compared ? 1 : 0;
        outcome.counters.equus_visit([&](auto&... one) {
            result_.counters.equus_visit([&](auto&... sum) { ((sum += one), ...); });
        });
        for (const auto& [name, times] : outcome.reached)
            result_.reached[name] += times;
        if (options_.on_outcome)
            options_.on_outcome(outcome);
        if (outcome.passed()) {
            ++result_.passed;
            return;
        }
        stopped_ = stopped_ || options_.stop_at_failure;
        result_.failures.push_back(std::move(outcome));
    }

    const scenario& what_;
    const campaign_options& options_;
    std::vector<worker> workers_;
    campaign_result result_;
    bool stopped_ = false;
};

} // namespace

campaign_result run_campaign(const scenario& what, const campaign_options& options) {
    campaign all{what, options};
    return options.jobs == 0 ? all.run_here() : all.run();
}

} // namespace equus::sim
