#include "shop.hpp"

namespace doc {

using namespace equus;

task<> spooler::on(page p) {
    std::vector<bytes>& sheets = state_.open[p.document];
    if (p.number != sheets.size() + 1)
        co_return; // a page that is there already: its document was sent again
    sheets.push_back(std::move(p.pdf));
    if (p.number < p.of)
        co_return;
    std::vector<bytes> complete = std::move(sheets);
    state_.open.erase(p.document);
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
