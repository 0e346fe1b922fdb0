#include "merge.hpp"

#include <qpdf/Buffer.hh>
#include <qpdf/QPDF.hh>
#include <qpdf/QPDFObjectHandle.hh>
#include <qpdf/QPDFPageDocumentHelper.hh>
#include <qpdf/QPDFPageObjectHelper.hh>
#include <qpdf/QPDFWriter.hh>

#include <map>
#include <memory>
#include <new>
#include <stdexcept>

namespace doc::setting {

namespace {

/// The first font object of each kind; later ones that say the same are replaced by it.
using known_fonts = std::map<std::string, QPDFObjectHandle>;

/// Everything that the object says, the objects that it refers to included. Fonts as cairo writes
/// them are a tree of a few levels.
std::string content_of(QPDFObjectHandle object, int depth = 0) {
    if (depth > 8)
        throw std::runtime_error{"a font that refers to itself"};
    std::string content;
    if (object.isStream()) {
        content = content_of(object.getDict(), depth + 1) + "stream";
        const std::shared_ptr<Buffer> data = object.getRawStreamData();
        content.append(reinterpret_cast<const char*>(data->getBuffer()), data->getSize());
    } else if (object.isDictionary()) {
        for (auto& [key, value] : object.ditems())
            content += key + " " + content_of(value, depth + 1) + "\n";
    } else if (object.isArray()) {
        content = "[";
        for (const auto& item : object.aitems())
            content += content_of(item, depth + 1) + " ";
        content += "]";
    } else {
        content = object.unparseResolved();
    }
    return content;
}

void share_fonts(QPDFObjectHandle page, known_fonts& known) {
    QPDFObjectHandle fonts = page.getKey("/Resources").getKey("/Font");
    if (!fonts.isDictionary())
        return;
    for (const std::string& name : fonts.getKeys()) {
        QPDFObjectHandle font = fonts.getKey(name);
        const auto [first, is_new] = known.emplace(content_of(font), font);
        if (!is_new)
            fonts.replaceKey(name, first->second);
    }
}

/// Adds the page of the file `pdf`; false if it does not have exactly one.
bool add_page(QPDF& whole, std::string_view pdf, known_fonts& known) {
    QPDF file;
    file.setSuppressWarnings(true);
    file.setAttemptRecovery(false);
    file.setImmediateCopyFrom(true); // it is gone when the whole is written
    file.processMemoryFile("page", pdf.data(), pdf.size());
    const auto pages = QPDFPageDocumentHelper{file}.getAllPages();
    if (pages.size() != 1)
        return false;
    QPDFPageObjectHelper page = pages.front();
    page.getObjectHandle().removeKey("/StructParents"); // cairo's; its tree stays behind
    QPDFPageDocumentHelper{whole}.addPage(page, false);
    share_fonts(QPDFPageDocumentHelper{whole}.getAllPages().back().getObjectHandle(), known);
    return true;
}

std::string written(QPDF& whole) {
    QPDFWriter writer{whole};
    writer.setOutputMemory();
    writer.setMinimumPDFVersion("1.5");
    writer.setObjectStreamMode(qpdf_o_generate);
    writer.setDeterministicID(true);
    writer.write();
    const std::shared_ptr<Buffer> file = writer.getBufferSharedPointer();
    return {reinterpret_cast<const char*>(file->getBuffer()), file->getSize()};
}

} // namespace

merged_pages merge_pages(const std::string& title, const std::vector<std::string_view>& pages) {
    merged_pages merged;
    try {
        QPDF whole;
        whole.emptyPDF();
        known_fonts known;
        for (const std::string_view page : pages) {
            ++merged.page;
            if (!add_page(whole, page, known)) {
                merged.failure = "not one page";
                return merged;
            }
        }
        QPDFObjectHandle about = QPDFObjectHandle::newDictionary();
        about.replaceKey("/Title", QPDFObjectHandle::newUnicodeString(title));
        whole.getTrailer().replaceKey("/Info", whole.makeIndirectObject(about));
        merged.pdf = written(whole);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& reason) { // qpdf's, with file and offset
        merged.failure = reason.what();
    }
    return merged;
}

} // namespace doc::setting
