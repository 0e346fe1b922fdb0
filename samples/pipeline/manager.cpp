#include "picture.hpp"
#include "pipeline.hpp"

#include <algorithm>

namespace pic {

using namespace equus;

namespace {

constexpr std::uint32_t at_once = 4; ///< pictures on their way

bool is_png(const std::string& path) {
    return path.size() > 4 && path.compare(path.size() - 4, 4, ".png") == 0;
}

} // namespace

task<std::int32_t> manager::main() {
    auto found = co_await files.invoke<files::list>(parameters_.pictures.text, true);
    const files::listing all = co_await ok(std::move(found));
    for (const files::item& each : all.items)
        if (!each.is_folder && is_png(each.path))
            names_.push_back(each.path);
    tasks_.start(hear());
    const auto count = static_cast<std::uint32_t>(names_.size());
    for (std::uint32_t next = 0; written_ + failed_ < count;) {
        while (next < count && next - written_ - failed_ < at_once)
            tasks_.start(lead(next++));
        co_await one_is_done_.wait();
    }
    co_await say(std::to_string(written_) + " pictures written, " + std::to_string(failed_) +
                 " failed\n");
    co_return failed_ == 0 && count != 0 ? 0 : 1;
}

task<> manager::say(std::string text) {
    co_await ok(co_await console.invoke<console::write>(text));
}

/// A line for each picture and filter, and one half way.
task<> manager::hear() {
    for (;;) {
        auto came = co_await ok(co_await reports.receive());
        const progress at = co_await ok(came.take<progress>());
        came.done();
        const bool is_end = at.tiles_done == at.tiles;
        if (is_end)
            co_await say(names_.at(at.number) + ": " + at.filter + " on node " +
                         std::to_string(at.where.node.value) + ", " + std::to_string(at.tiles) +
                         " tiles\n");
    }
}

task<> manager::lead(std::uint32_t number) {
    auto done = co_await as_result(lead_through(number));
    done ? ++written_ : ++failed_;
    if (!done)
        co_await say(names_.at(number) + ": " + done.error().describe() + "\n");
    one_is_done_.notify();
}

// [lead]
task<> manager::lead_through(std::uint32_t number) {
    auto file = co_await files.invoke<files::read>(parameters_.pictures.text + "/" + names_[number],
                                                   std::uint64_t{0}, std::uint64_t{0});
    files::content content = co_await ok(std::move(file));
    auto made = co_await room.invoke<develop>(std::move(content.data));
    const developed picture = co_await ok(std::move(made));
    const buffer pixels = co_await ok(co_await picture.pixels.fetch());

    finished last{pixels.handle(right::read)};
    const stream<working>* before = nullptr;
    for (const stream<working>* each : {&first, &second, &third}) {
        auto done =
            co_await each->invoke<process>(number, picture.width, picture.height, last.pixels)
                .within(std::chrono::minutes{5});
        detail::close(last.pixels);
        if (before) // the stage before may forget it
            co_await ok(co_await before->send<release>(number));
        last = co_await ok(std::move(done));
        before = each;
    }
    auto result = co_await ok(buffer::of(pixels.size()));
    auto copied = co_await last.pixels.copy_from(0, result.span());
    detail::close(last.pixels);
    co_await ok(co_await before->send<release>(number));
    co_await ok(std::move(copied));

    bulk developed_pixels{std::move(result)};
    auto print_made =
        co_await room.invoke<print>(picture.width, picture.height, std::move(developed_pixels));
    printed png = co_await ok(std::move(print_made));
    co_await ok(co_await files.invoke<files::write>(parameters_.out.text + "/" + names_[number],
                                                    std::move(png.png)));
}
// [/lead]

} // namespace pic
