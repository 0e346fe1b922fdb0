#include "shop.hpp"

namespace doc {

using namespace equus;

/// The one before may have been lost in the middle of a file. A folder that cannot be looked at is
/// no trouble yet: the first document will say so.
task<> spooler::start() {
    std::string folder = parameters_.device.text;
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
    std::string path = parameters_.device.text + "/" + p.name + ".pdf";
    auto written = co_await files.invoke<files::write>(std::move(path), std::move(book->pdf))
                       .within(std::chrono::minutes{2});
    if (!written)
        co_await reports.send<spoiled>(p.document, p.name, written.error().describe());
    else
        co_await reports.send<printed>(p.document, p.name, p.worker, p.of);
}

} // namespace doc
