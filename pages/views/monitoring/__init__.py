"""Parts of the Monitoring page, one module for each tab.

``tables`` : what all tabs read, cached for a minute.  ``parts`` : what all tabs show in one form.
"""
