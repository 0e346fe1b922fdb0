#include "shop.hpp"

namespace doc {

using namespace equus;

namespace {

/// Without a spooler there is nothing to do. The manager makes both anew, and knows by the code
/// that the worker's documents are not to blame.
error no_spooler() {
    return {errc::broken, "the spooler is gone"};
}

} // namespace

task<> worker::main() {
    for (;;) {
        auto job = co_await tasks.invoke<next_task>(std::string{own_name()});
        if (!job)
            co_await ok(fail(std::move(job.error())));
        if (!job->any) {
            // Who has ended well is not asked for anything again, so nothing may be under way.
            auto taken = co_await pages.settled();
            if (!taken)
                co_await ok(fail(no_spooler()));
            co_return;
        }
        const std::uint32_t id = job->id;
        const std::string name = job->name;
        auto done = co_await as_result(set(std::move(*job)));
        if (!pages.is_open())
            co_await ok(fail(no_spooler()));
        if (!done) // this document only; the next one may be well
            co_await ok(co_await reports.invoke<spoiled>(id, name, done.error().describe()));
    }
}

task<> worker::set(task_slip job) {
    auto text = co_await files.invoke<files::read>(job.path, std::uint64_t{0}, std::uint64_t{0});
    if (!text)
        co_await ok(fail(std::move(text.error())));
    // A long document takes its time; the press says when something is wrong with it.
    auto set = co_await press.invoke<set_in_type>(job.name, std::move(text->data))
                   .within(std::chrono::minutes{10});
    if (!set)
        co_await ok(fail(std::move(set.error())));
    const auto count = static_cast<std::uint32_t>(set->pages.size());
    for (std::uint32_t i = 0; i < count; ++i) {
        // Sent and not forgotten: `settled` says when all have been taken.
        auto sent = co_await pages.asinvoke<page>(job.id, job.name, std::string{own_name()}, i + 1,
                                                  count, std::move(set->pages[i]));
        if (!sent)
            co_await ok(fail(std::move(sent.error())));
    }
}

} // namespace doc
