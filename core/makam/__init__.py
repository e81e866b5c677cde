"""The melody of a recording in commas, its karar (tonic) and its makam.

``melody`` is the pitch of a recording over time, and ``notes`` its steady notes; ``synthesis`` plays scores, so that
the right answer is known. ``commas`` and ``theory`` hold perdes and makams. ``karar`` finds the tonic, ``profile``
measures the intonation and ``comparison`` tests differences. ``recognition`` suggests a makam: it scores the numbers of
``description`` with ``templates``, which ``learning`` makes from ``lessons``; ``trust`` says how sure they are.
"""
