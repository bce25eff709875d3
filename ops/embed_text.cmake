# SPDX-License-Identifier: BSD-3-Clause
# Writes the file INPUT as a C array NAME into the header OUTPUT (see embed_text in CMakeLists.txt). Character constants, since
# a byte above 0x7f is no `char`.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
string(REGEX REPLACE "(......................................................................)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT} "static const char ${NAME}[] = {\n${bytes}0};\n")
