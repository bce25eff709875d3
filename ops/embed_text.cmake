# SPDX-License-Identifier: BSD-3-Clause
# Writes the files INPUTS, joined, as a C array NAME into the header OUTPUT (see embed_text in CMakeLists.txt). Character
# constants, since a byte above 0x7f is no `char`.
set(bytes "")
foreach(input IN LISTS INPUTS)
  file(READ ${input} more HEX)
  string(APPEND bytes ${more})
endforeach()
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
string(REGEX REPLACE "(......................................................................)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT} "static const char ${NAME}[] = {\n${bytes}0};\n")
