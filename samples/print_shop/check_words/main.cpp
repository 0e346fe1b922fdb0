// print_shop_words DIR OUT: whether every document under DIR has its PDF under OUT, with its words
// in their order, and nothing else is there. A document NAME.ext is looked for as NAME.ext.pdf in
// the same subfolder; one that is not UTF-8 text must have no PDF. Exit code 0: all is well; 1:
// something is not; 2: not called like this.
#include "words.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>

namespace {

namespace fs = std::filesystem;

struct tally {
    std::size_t documents = 0;
    std::size_t words = 0;
    std::size_t wrong = 0;

    void complain(const fs::path& name, const std::string& why) {
        ++wrong;
        std::printf("%s: %s\n", name.c_str(), why.c_str());
    }
};

bool is_document(const fs::path& path) {
    return doc::check::words_of_document(path.filename().string(), "").has_value();
}

std::string content_of(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

void check_document(const fs::path& path, const fs::path& name, const fs::path& pdf, tally& sum) {
    const std::string text = content_of(path);
    if (!doc::check::is_text(text)) {
        if (fs::exists(pdf))
            sum.complain(name, "is not UTF-8 text and has a PDF all the same");
        return;
    }
    ++sum.documents;
    if (!fs::exists(pdf))
        return sum.complain(name, "has no PDF");
    const auto expected = doc::check::words_of_document(name.string(), text);
    const auto found = doc::check::words_of_pdf(pdf);
    if (!found)
        return sum.complain(name, std::string{found.error().text()});
    sum.words += found->size();
    const std::string difference = doc::check::first_difference(*expected, *found);
    if (!difference.empty())
        sum.complain(name, difference);
}

int check_folders(const fs::path& documents, const fs::path& output) {
    tally sum;
    std::set<fs::path> wanted;
    for (const auto& entry : fs::recursive_directory_iterator{documents}) {
        if (!entry.is_regular_file() || !is_document(entry.path()))
            continue;
        const fs::path name = entry.path().lexically_relative(documents);
        const fs::path pdf = output / (name.string() + ".pdf");
        wanted.insert(pdf);
        check_document(entry.path(), name, pdf, sum);
    }
    for (const auto& entry : fs::recursive_directory_iterator{output})
        if (!entry.is_directory() && !wanted.contains(entry.path()))
            sum.complain(entry.path().lexically_relative(output), "belongs to no document");
    std::printf("%zu documents, %zu words, %zu wrong\n", sum.documents, sum.words, sum.wrong);
    return sum.wrong == 0 ? 0 : 1;
}

} // namespace

int main(int argument_count, char** arguments) {
    if (argument_count != 3 || !fs::is_directory(arguments[1]) || !fs::is_directory(arguments[2])) {
        std::fprintf(stderr, "usage: %s DIR OUT\n", arguments[0]);
        return 2;
    }
    return check_folders(fs::path{arguments[1]} / "", fs::path{arguments[2]} / "");
}
