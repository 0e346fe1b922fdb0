#include "shop.hpp"

namespace doc {

using namespace equus;

/// The one before may have been lost in the middle of a file. A folder that cannot be looked at is
/// no trouble yet: the first document will say so.
task<> spooler::start() {
    auto before = co_await reports.invoke<what_is_done>(std::string{own_name()});
    if (!before)
        co_await ok(fail(std::move(before.error())));
    state_.closed = std::move(before->documents);
    if (!parameters_.device.empty())
        co_return; // it prints on paper
    std::string folder = parameters_.folder.text;
    auto tidied = co_await files.invoke<files::tidy>(std::move(folder));
    static_cast<void>(tidied);
}

task<> spooler::on(page p) {
    if (state_.closed.count(p.document) != 0)
        co_return; // its document was handed out again, and one copy was whole before
    std::vector<bytes>& sheets = state_.open[p.document][p.worker];
    if (p.number != sheets.size() + 1)
        co_return;
    sheets.push_back(std::move(p.pdf));
    if (p.number < p.of)
        co_return;
    std::vector<bytes> complete = std::move(sheets);
    state_.open.erase(p.document);
    state_.closed.insert(p.document);
    auto book = co_await press.invoke<bind_pages>(p.name, std::move(complete))
                    .within(std::chrono::minutes{10});
    if (!book) {
        co_await reports.send<spoiled>(p.document, p.name, book.error().describe());
        co_return;
    }
    auto out = co_await as_result(put_out(p.document, p.name, std::move(book->pdf)));
    if (!out)
        co_await reports.send<spoiled>(p.document, p.name, out.error().describe());
    else
        co_await reports.send<printed>(p.document, p.name, p.worker, p.of);
}

/// Either is harmless when it is done twice: a file is written again, a job is found again.
task<> spooler::put_out(std::uint32_t document, std::string name, bytes pdf) {
    result<void> done;
    if (parameters_.device.empty()) {
        std::string path = parameters_.folder.text + "/" + name + ".pdf";
        auto written = co_await files.invoke<files::write>(std::move(path), std::move(pdf))
                           .within(std::chrono::minutes{2});
        if (!written)
            done = fail(std::move(written.error()));
    } else {
        std::string key =
            "equus-" + std::to_string(own_rdc().value) + "-" + std::to_string(document);
        auto printed =
            co_await printer
                .invoke<put_on_paper>(parameters_.device, std::move(key), std::move(name),
                                      std::move(pdf), parameters_.patience)
                .within(parameters_.patience + std::chrono::minutes{5});
        if (!printed)
            done = fail(std::move(printed.error()));
    }
    co_await ok(std::move(done));
}

} // namespace doc
