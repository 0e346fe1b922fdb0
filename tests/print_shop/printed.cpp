#include "printed.hpp"

#include <unistd.h>

#include <atomic>
#include <fstream>

namespace doc::test {

pdf_file::pdf_file(const equus::bytes& content) {
    static std::atomic<unsigned> number{0};
    path_ =
        std::filesystem::temp_directory_path() /
        ("print_shop_test_" + std::to_string(getpid()) + "_" + std::to_string(++number) + ".pdf");
    std::ofstream{path_, std::ios::binary}.write(reinterpret_cast<const char*>(content.data()),
                                                 static_cast<std::streamsize>(content.size()));
}

pdf_file::~pdf_file() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

check::words printed(const document& document) {
    const auto pages = typeset(document);
    if (!pages)
        return {"not set: " + pages.error().describe()};
    const auto whole = collate(document.name, *pages);
    if (!whole)
        return {"not collated: " + whole.error().describe()};
    const pdf_file file{*whole};
    auto read = check::words_of_pdf(file.path());
    if (!read)
        return {"not read: " + read.error().describe()};
    return *std::move(read);
}

std::string loss(const document& document) {
    const auto expected = check::words_of_document(document.name, document.text);
    if (!expected)
        return expected.error().describe();
    return check::first_difference(*expected, printed(document));
}

} // namespace doc::test
