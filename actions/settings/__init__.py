"""Settings in the files of other programs: read tolerantly, and edited one at a time.

Each module knows one language. All take a file's text and return it with one setting changed;
comments, order, blanks, line ends and quotes stay, as does every byte that is none of that
setting's. Nothing here opens a file or evaluates anything.
"""
